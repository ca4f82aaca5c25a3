import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { sameValue } from '../checks.ts';
import { bumpGeneration, metadataOf } from '../carry-over.ts';
import { tableOf } from '../table-of.ts';
import { sliceWarnings, validateSlice } from './endpoint-slice-validation.ts';
import { endpointSliceCells } from './endpoint-slice-table.ts';

export const endpointSlice: KindDefinition = {
  group: 'discovery.k8s.io',
  resource: 'endpointslices',
  table: tableOf<EndpointSlice>('discovery.k8s.io/endpointslices', endpointSliceCells),
  strategy: {
    default: defaultSlice,
    validate: (object) => validateSlice(object),
    validateUpdate: validateSlice,
    warnings: sliceWarnings,
    prepareForCreate: (object) => {
      metadataOf(object).generation = 1;
      dropTopology(object);
    },
    prepareForUpdate: (object, old) => {
      // Everything but metadata counts, and labels do.
      const changed = ['endpoints', 'ports', 'addressType'].some((field) => !sameValue(object[field], old[field]));
      if (changed || !deepEqual(object.metadata?.labels, old.metadata?.labels)) bumpGeneration(object, old);
      if (!deepEqual(object.endpoints, old.endpoints)) dropTopology(object);
    },
  },
};

function defaultSlice(object: UnknownObject): void {
  for (const port of (object as unknown as EndpointSlice).ports ?? []) {
    port.name ??= '';
    port.protocol ??= 'TCP';
  }
}

/** Topology of endpoints is of v1beta1 and only read. */
function dropTopology(object: UnknownObject): void {
  for (const endpoint of (object as unknown as EndpointSlice).endpoints ?? []) delete endpoint.deprecatedTopology;
}

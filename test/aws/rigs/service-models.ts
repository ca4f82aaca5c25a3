import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** AWS's own service models, cut down by scripts/update-aws-models.mjs to the operations of operations.txt. */
export interface ServiceModel {
  /** botocore's name: `dynamodb`, `elbv2`. */
  readonly service: string;
  /** As in the SDK's `client.config.serviceId`. */
  readonly serviceId: string;
  readonly apiVersion: string;
  readonly protocol: string;
  readonly operations: Readonly<Record<string, OperationModel>>;
  readonly shapes: Readonly<Record<string, ShapeModel>>;
}

export interface OperationModel {
  readonly input?: string;
  readonly output?: string;
  readonly errors: readonly { readonly name: string; readonly code: string; readonly status?: number }[];
  readonly pagination?: Pagination;
}

export interface Pagination {
  /** Members of the input that say where to go on, and those of the output that they come from (paths, as in JMESPath). */
  readonly input: readonly string[];
  readonly output: readonly string[];
  /** Of the output: a boolean that there is more. */
  readonly more?: string;
  /** Of the input: how many a page. */
  readonly limit?: string;
  readonly results: readonly string[];
}

export interface ShapeModel {
  readonly type: string;
  readonly required?: readonly string[];
  readonly union?: boolean;
  /** Any JSON. */
  readonly document?: boolean;
  readonly streaming?: boolean;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly min?: number;
  readonly max?: number;
  readonly members?: Readonly<Record<string, MemberModel>>;
  /** Of lists. */
  readonly member?: string;
  /** Of maps. */
  readonly key?: string;
  readonly value?: string;
}

export interface MemberModel {
  readonly shape: string;
  /** `uri` members may not be empty: they would vanish from the path. */
  readonly location?: string;
  /** The SDK fills these in itself. */
  readonly idempotencyToken?: boolean;
  readonly streaming?: boolean;
}

const folder = join(import.meta.dirname, '..', '..', 'fixtures', 'aws-models');
let byServiceId: ReadonlyMap<string, ServiceModel> | undefined;

/** By service id, or by botocore's name. */
export function serviceModel(name: string): ServiceModel {
  byServiceId ??= new Map(
    readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as ServiceModel)
      .flatMap((model) => [[model.service, model] as const, [model.serviceId, model] as const]),
  );
  const model = byServiceId.get(name);
  if (!model)
    throw new Error(`no model of the service ${name}: add it to test/fixtures/aws-models/operations.txt (see there)`);
  return model;
}

/** `operation` without "Command" at its end. */
export function operationModel(service: string, operation: string): OperationModel {
  const model = serviceModel(service);
  if (!Object.hasOwn(model.operations, operation))
    throw new Error(
      `no model of ${model.service} ${operation}: add the line to test/fixtures/aws-models/operations.txt (see there)`,
    );
  return model.operations[operation]!;
}

import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from '@nodeless/apimachinery/generated/types/certificates/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import type { RequestContext, Strategy } from '../../strategy.ts';
import { keepSpec, keepStatus } from '../carry-over.ts';
import { formatTime } from '@nodeless/apimachinery/time';
import { tableOf } from '../table-of.ts';
import { requestCells } from './request-table.ts';
import { validateRequest, validateRequestUpdate } from './request-validation.ts';

export const certificateSigningRequest: KindDefinition = {
  group: 'certificates.k8s.io',
  resource: 'certificatesigningrequests',
  table: tableOf<CertificateSigningRequest>('certificates.k8s.io/certificatesigningrequests', requestCells),
  strategy: {
    prepareForCreate: signWithRequester,
    prepareForUpdate: (object, old) => {
      keepSpec(object, old);
      keepStatus(object, old);
    },
    validateName: () => [],
    validate: (object) => validateRequest(object as unknown as CertificateSigningRequest),
    validateUpdate: updateBy(''),
    resetFields: [['spec'], ['status']],
    status: {
      prepareForUpdate: (object, old, context) => {
        keepSpec(object, old);
        keepApprovals(object, old);
        stampConditions(object, old, context);
      },
      validateUpdate: updateBy('status'),
      resetFields: [['spec'], ['status', 'conditions']],
    },
    subresources: {
      approval: {
        prepareForUpdate: (object, old, context) => {
          stampConditions(object, old, context);
          const conditions = conditionsOf(object);
          keepSpec(object, old);
          object.status = { ...(old.status as object) };
          if (conditions.length > 0) (object as unknown as CertificateSigningRequest).status!.conditions = conditions;
          else delete (object as unknown as CertificateSigningRequest).status!.conditions;
        },
        validateUpdate: updateBy('approval'),
        resetFields: [['spec'], ['status', 'certificate']],
      },
    },
    fieldNames: ['spec.signerName'],
    selectableFields: (object) => ({
      'spec.signerName': (object as unknown as CertificateSigningRequest).spec?.signerName ?? '',
    }),
  },
};

function updateBy(door: '' | 'status' | 'approval'): NonNullable<Strategy['validateUpdate']> {
  return (object, old) =>
    validateRequestUpdate(
      object as unknown as CertificateSigningRequest,
      old as unknown as CertificateSigningRequest,
      door,
    );
}

/** Who asks is what the server saw, never what the client wrote. */
function signWithRequester(object: UnknownObject, context: RequestContext): void {
  const request = object as unknown as CertificateSigningRequest;
  const spec = (request.spec ??= {} as CertificateSigningRequest['spec']);
  for (const field of ['username', 'uid', 'groups', 'extra'] as const) delete spec[field];
  const { name, uid, groups, extra } = context.user;
  if (name) spec.username = name;
  if (uid) spec.uid = uid;
  if (groups.length > 0) spec.groups = [...groups];
  if (extra && Object.keys(extra).length > 0) {
    spec.extra = Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]));
  }
  request.status = {};
}

const conditionsOf = (object: Readonly<UnknownObject>): CertificateSigningRequestCondition[] =>
  (object as unknown as CertificateSigningRequest).status?.conditions ?? [];

/** Approvals and denials are changed by their own door only; where their number differs validation will say so. */
function keepApprovals(object: UnknownObject, old: Readonly<UnknownObject>): void {
  const conditions = conditionsOf(object);
  const stored = conditionsOf(old);
  for (const type of ['Approved', 'Denied']) {
    const before = stored.filter((c) => c.type === type);
    const places = conditions.flatMap((c, i) => (c.type === type ? [i] : []));
    if (before.length !== places.length) continue;
    places.forEach((place, i) => {
      conditions[place] = before[i]!;
    });
  }
}

function stampConditions(object: UnknownObject, old: Readonly<UnknownObject>, context: RequestContext): void {
  const now = formatTime(context.now());
  const conditions = conditionsOf(object);
  conditions.forEach((condition, i) => {
    if (condition.lastUpdateTime && condition.lastTransitionTime) return;
    const same = conditionsOf(old).find(
      (c) => c.type === condition.type && c.status === condition.status && c.lastTransitionTime,
    );
    conditions[i] = {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime || now,
      lastTransitionTime: condition.lastTransitionTime || same?.lastTransitionTime || now,
    };
  });
}

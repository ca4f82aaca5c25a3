/** The kinds of authorization.k8s.io: questions to the authorizer, asked as objects. */
import type {
  LocalSubjectAccessReview,
  NonResourceAttributes,
  ResourceAttributes,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from '@nodeless/apimachinery/generated/types/authorization/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { type FieldError, badRequest, invalid } from '@nodeless/apimachinery/status';
import type { UserInfo } from '../strategy.ts';
import { validateReview } from './access-review-validation.ts';
import type { AuthorizationAttributes, Authorizer } from './authorizer.ts';
import { aggregateErrors } from './rule-coverage.ts';
import { fieldSelectorText, labelSelectorText } from './selector-attributes.ts';
import type { VirtualCreate } from './virtual-create.ts';

const group = 'authorization.k8s.io';

/** By resource. */
export function accessReviewHandlers(authorizer: Required<Authorizer>): Readonly<Record<string, VirtualCreate>> {
  const answer = async (attributes: AuthorizationAttributes, error: string): Promise<SubjectAccessReviewStatus> => {
    const { decision, reason } = await authorizer.authorize(attributes);
    return {
      allowed: decision === 'allow',
      ...(decision === 'deny' ? { denied: true } : {}),
      ...(reason === '' ? {} : { reason }),
      ...(error === '' ? {} : { evaluationError: error }),
    };
  };

  const review = async <T extends { spec: Partial<SubjectAccessReviewSpec> }>(
    object: T,
    user: UserInfo,
  ): Promise<T> => {
    const { resourceAttributes, nonResourceAttributes } = object.spec;
    const { attributes, error } = resourceAttributes
      ? resourceQuestion(user, resourceAttributes)
      : { attributes: pathQuestion(user, nonResourceAttributes ?? {}), error: '' };
    return { ...object, status: await answer(attributes, error) };
  };

  return {
    subjectaccessreviews: async (object) => {
      const asked = object as unknown as SubjectAccessReview;
      refuse(validateReview(asked, 'subject'));
      return plain(await review(asked, subjectOf(asked.spec)));
    },
    selfsubjectaccessreviews: async (object, { user }) => {
      const asked = object as unknown as SelfSubjectAccessReview;
      refuse(validateReview(asked, 'self'));
      return plain(await review(asked, user));
    },
    localsubjectaccessreviews: async (object, { namespace }) => {
      const asked = object as unknown as LocalSubjectAccessReview;
      refuse(validateReview(asked, 'local'));
      if (namespace === '') throw badRequest('namespace is required on this type: ');
      if (namespace !== asked.metadata?.namespace)
        throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
      return plain(await review(asked, subjectOf(asked.spec)));
    },
    selfsubjectrulesreviews: (object, { user }) => {
      const { spec } = object as unknown as SelfSubjectRulesReview;
      const namespace = spec?.namespace ?? '';
      if (namespace === '') throw badRequest('no namespace on request');
      return rulesReview(object, authorizer.rulesFor(user, namespace));
    },
  };
}

const plain = (object: unknown): UnknownObject => object as UnknownObject;

function refuse(errors: readonly FieldError[]): void {
  // The kind is lost in the server's own form of the object, and with it from the message.
  if (errors.length > 0) throw invalid({ group, kind: '' }, '', errors);
}

function subjectOf(spec: SubjectAccessReviewSpec): UserInfo {
  return {
    name: spec.user ?? '',
    groups: spec.groups ?? [],
    ...(spec.uid ? { uid: spec.uid } : {}),
    ...(spec.extra ? { extra: spec.extra } : {}),
  };
}

function pathQuestion(user: UserInfo, asked: NonResourceAttributes): AuthorizationAttributes {
  return { user, verb: asked.verb ?? '', path: asked.path ?? '' };
}

function resourceQuestion(
  user: UserInfo,
  asked: ResourceAttributes,
): { attributes: AuthorizationAttributes; error: string } {
  const fields = fieldSelectorText(asked.fieldSelector);
  const labels = labelSelectorText(asked.labelSelector);
  return {
    attributes: {
      user,
      verb: asked.verb ?? '',
      group: asked.group ?? '',
      version: asked.version || '*',
      resource: asked.resource ?? '',
      subresource: asked.subresource ?? '',
      namespace: asked.namespace ?? '',
      name: asked.name ?? '',
      ...(fields.text === '' ? {} : { fieldSelector: fields.text }),
      ...(labels.text === '' ? {} : { labelSelector: labels.text }),
    },
    error: [fields.error, labels.error].filter((text) => text !== '').join('; '),
  };
}

function rulesReview(object: UnknownObject, held: ReturnType<Required<Authorizer>['rulesFor']>): UnknownObject {
  const resourceRules = held.rules
    .filter((rule) => rule.resources?.length)
    .map(({ verbs, apiGroups, resources, resourceNames }) => ({
      verbs,
      apiGroups,
      resources,
      ...(resourceNames?.length ? { resourceNames } : {}),
    }));
  const nonResourceRules = held.rules
    .filter((rule) => rule.nonResourceURLs?.length)
    .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs }));
  return {
    kind: object.kind,
    apiVersion: object.apiVersion,
    metadata: {},
    spec: {},
    status: {
      resourceRules,
      nonResourceRules,
      incomplete: held.incomplete,
      ...(held.errors.length === 0 ? {} : { evaluationError: aggregateErrors(held.errors) }),
    },
  };
}

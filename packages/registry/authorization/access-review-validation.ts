import type {
  ResourceAttributes,
  SubjectAccessReviewSpec,
} from '@nodeless/apimachinery/generated/types/authorization/v1';
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import type { FieldError } from '@nodeless/apimachinery/status';

const invalid = (field: string, value: unknown, detail: string): FieldError => ({
  type: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${JSON.stringify(value ?? null)}: ${detail}`,
});

interface Review {
  metadata?: ObjectMeta;
  spec?: Partial<SubjectAccessReviewSpec>;
}

export function validateReview(review: Review, form: 'subject' | 'self' | 'local'): FieldError[] {
  const { spec = {} } = review;
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  const errors: FieldError[] = [];
  if (resource && path) {
    errors.push(
      invalid('spec.nonResourceAttributes', path, 'cannot be specified in combination with resourceAttributes'),
    );
  }
  if (!resource && !path) {
    errors.push(
      invalid(
        'spec.resourceAttributes',
        null,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    );
  }
  if (form !== 'self' && !spec.user && !spec.groups?.length) {
    errors.push(invalid('spec.user', spec.user ?? '', 'at least one of user or group must be specified'));
  }
  if (resource) errors.push(...validateSelectors(resource));
  const { namespace, managedFields: _, ...rest } = review.metadata ?? {};
  const stray = form === 'local' ? rest : { ...rest, ...(namespace ? { namespace } : {}) };
  if (Object.keys(stray).length > 0) {
    errors.push(
      invalid('metadata', review.metadata, form === 'local' ? 'must be empty except for namespace' : 'must be empty'),
    );
  }
  if (form !== 'local') return errors;
  if (resource && (resource.namespace ?? '') !== (namespace ?? '')) {
    errors.push(
      invalid('spec.resourceAttributes.namespace', resource.namespace ?? '', 'must match metadata.namespace'),
    );
  }
  if (path) errors.push(invalid('spec.nonResourceAttributes', path, 'disallowed on this kind of request'));
  return errors;
}

function validateSelectors(resource: ResourceAttributes): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['fieldSelector', 'labelSelector'] as const) {
    const selector = resource[name];
    if (!selector) continue;
    const at = `spec.resourceAttributes.${name}`;
    const count = selector.requirements?.length ?? 0;
    if (selector.rawSelector && count > 0) {
      errors.push(
        invalid(`${at}.rawSelector`, selector.rawSelector, 'may not specified at the same time as requirements'),
      );
    }
    if (!selector.rawSelector && count === 0) {
      errors.push({
        type: 'FieldValueRequired',
        field: `${at}.requirements`,
        message: `Required value: when ${at} is specified, requirements or rawSelector is required`,
      });
    }
  }
  return errors;
}

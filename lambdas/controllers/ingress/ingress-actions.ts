/** Actions that an annotation describes: `alb.ingress.kubernetes.io/actions.<name>`, named by a backend with port `use-annotation`. */
import type { DesiredAction } from '../load-balancers/elbv2/desired-stack.ts';

export type AnnotatedAction =
  | { readonly kind: 'action'; readonly action: DesiredAction }
  | {
      readonly kind: 'services';
      readonly services: readonly { readonly name: string; readonly port: string; readonly weight: number }[];
    };

const object = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
const member = (value: Record<string, unknown> | undefined, name: string): unknown =>
  value && Object.hasOwn(value, name) ? value[name] : undefined;

/** A string says what is wrong with it. */
export function parseAction(json: string): AnnotatedAction | string {
  let parsed: Record<string, unknown> | undefined;
  try {
    parsed = object(JSON.parse(json));
  } catch {
    return 'is not JSON';
  }
  const config = (name: string): Record<string, unknown> | undefined => object(member(parsed, name));
  const textOf = (from: Record<string, unknown> | undefined, name: string, otherwise: string): string => {
    const value = member(from, name);
    return typeof value === 'string' ? value : otherwise;
  };
  switch (member(parsed, 'type')) {
    case 'fixed-response': {
      const from = config('fixedResponseConfig');
      const status = textOf(from, 'statusCode', '');
      if (!/^[245]\d\d$/.test(status)) return 'fixedResponseConfig.statusCode must be 2XX, 4XX or 5XX';
      const contentType = textOf(from, 'contentType', 'text/plain');
      return { kind: 'action', action: { do: 'respond', status, contentType, body: textOf(from, 'messageBody', '') } };
    }
    case 'redirect': {
      const from = config('redirectConfig');
      const code = textOf(from, 'statusCode', '');
      if (code !== 'HTTP_301' && code !== 'HTTP_302') return 'redirectConfig.statusCode must be HTTP_301 or HTTP_302';
      return {
        kind: 'action',
        action: {
          do: 'redirect',
          protocol: textOf(from, 'protocol', '#{protocol}'),
          host: textOf(from, 'host', '#{host}'),
          port: textOf(from, 'port', '#{port}'),
          path: textOf(from, 'path', '/#{path}'),
          query: textOf(from, 'query', '#{query}'),
          permanent: code === 'HTTP_301',
        },
      };
    }
    case 'forward': {
      const listed = member(config('forwardConfig'), 'targetGroups');
      if (!Array.isArray(listed) || listed.length === 0 || listed.length > 5)
        return 'forwardConfig.targetGroups must name one to five Services';
      const services = (listed as unknown[]).map((one) => {
        const group = object(one);
        const port = member(group, 'servicePort');
        const weight = member(group, 'weight') ?? 1;
        const name = textOf(group, 'serviceName', '');
        const valid =
          name !== '' && (typeof port === 'string' || typeof port === 'number') && typeof weight === 'number';
        return valid ? { name, port: String(port), weight } : undefined;
      });
      if (services.includes(undefined))
        return 'forwardConfig.targetGroups: each needs serviceName and servicePort; target groups of others are not served';
      return { kind: 'services', services: services.filter((one) => one !== undefined) };
    }
    default:
      return 'type must be fixed-response, redirect or forward';
  }
}

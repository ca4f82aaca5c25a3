/** `--runtime-config`, as kube-apiserver takes it: group-versions to serve beyond the stable ones. */
import { UserError } from './output.ts';

/** `batch/v2alpha1,resource.k8s.io/v1beta1=true` → the names that are switched on. Only switching on is offered. */
export function parseRuntimeConfig(text: string | undefined): ReadonlySet<string> {
  const names = new Set<string>();
  for (const part of (text ?? '').split(',').filter(Boolean)) {
    const [name = '', value = 'true'] = part.split('=');
    if (!/^(?:[a-z0-9.-]+\/)?v\d+(?:(?:alpha|beta)\d+)?$/.test(name)) {
      throw new UserError(`--runtime-config: ${JSON.stringify(part)} is not <group>/<version>[=true]`);
    }
    if (value !== 'true')
      throw new UserError(`--runtime-config: ${JSON.stringify(part)}: versions can only be switched on`);
    names.add(name);
  }
  return names;
}

import type { AdmissionAttributes, AdmissionPlugin, AdmissionReader } from './admission/admission.ts';

/** Plugins in order: all mutating calls first, then all validating ones. The list is read at each request, so it may grow. */
export interface AdmissionChain {
  /** Resolves to whether any plugin that may have changed the object handled the request. */
  admit(attributes: AdmissionAttributes): boolean | Promise<boolean>;
  /** `attributes` is called only if some plugin validates at all. */
  validate(attributes: () => AdmissionAttributes): void | Promise<void>;
}

export function createAdmissionChain(plugins: readonly AdmissionPlugin[], read: AdmissionReader): AdmissionChain {
  return {
    admit(attributes) {
      for (let i = 0; i < plugins.length; i++) {
        const plugin = plugins[i] as AdmissionPlugin;
        if (plugin.admit && plugin.handles(attributes)) return admitFrom(plugins, i, attributes, read);
      }
      return false;
    },
    validate(makeAttributes) {
      if (!plugins.some((p) => p.validate !== undefined)) return undefined;
      const attributes = makeAttributes();
      for (let i = 0; i < plugins.length; i++) {
        const plugin = plugins[i] as AdmissionPlugin;
        if (plugin.validate && plugin.handles(attributes)) return validateFrom(plugins, i, attributes, read);
      }
      return undefined;
    },
  };
}

// plugins that answer at once are not awaited: a microtask for each would add up
async function admitFrom(
  plugins: readonly AdmissionPlugin[],
  first: number,
  attributes: AdmissionAttributes,
  read: AdmissionReader,
): Promise<boolean> {
  let changed = false;
  for (let i = first; i < plugins.length; i++) {
    const plugin = plugins[i] as AdmissionPlugin;
    if (!plugin.admit || !plugin.handles(attributes)) continue;
    const pending = plugin.admit(attributes, read);
    if (pending) await pending;
    changed ||= plugin.onlyRefuses !== true;
  }
  return changed;
}

async function validateFrom(
  plugins: readonly AdmissionPlugin[],
  first: number,
  attributes: AdmissionAttributes,
  read: AdmissionReader,
): Promise<void> {
  for (let i = first; i < plugins.length; i++) {
    const plugin = plugins[i] as AdmissionPlugin;
    if (!plugin.validate || !plugin.handles(attributes)) continue;
    const pending = plugin.validate(attributes, read);
    if (pending) await pending;
  }
}

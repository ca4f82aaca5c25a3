/** `--set network.egress=ipv6`: settings from the command line, over those of a file, over those of the last deploy. */
import { UserError } from '../output.ts';

export type Settings = Record<string, unknown>;

/** Values are JSON where they can be read as such, else text. Throws UserError. */
export function parseSet(assignments: readonly string[]): Settings {
  const settings: Settings = {};
  for (const assignment of assignments) {
    const equals = assignment.indexOf('=');
    const path = assignment.slice(0, equals).split('.');
    if (
      equals < 1 ||
      path.some((part) => !/^[A-Za-z][A-Za-z0-9-]*$/.test(part) || part === 'constructor' || part === 'prototype')
    )
      throw new UserError(`--set ${assignment}: must be <setting>=<value>, like network.egress=ipv6`);
    let at = settings;
    for (const part of path.slice(0, -1)) {
      const next = Object.hasOwn(at, part) ? at[part] : undefined;
      if (next !== undefined && !isSettings(next))
        throw new UserError(`--set ${assignment}: ${part} has been set to a value already`);
      at = at[part] = (next ?? {}) as Settings;
    }
    at[path.at(-1) as string] = parseValue(assignment.slice(equals + 1));
  }
  return settings;
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isSettings(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Later ones win; objects are merged, lists replaced. */
export function mergeSettings(...all: readonly (Settings | undefined)[]): Settings {
  const merged: Settings = {};
  for (const settings of all)
    for (const [key, value] of Object.entries(settings ?? {})) {
      if (key === '__proto__') continue;
      merged[key] = isSettings(value) && isSettings(merged[key]) ? mergeSettings(merged[key], value) : value;
    }
  return merged;
}

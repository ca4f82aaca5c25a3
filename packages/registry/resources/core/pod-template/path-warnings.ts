/** Files of one volume that hide each other. */
import type { Volume, VolumeProjection } from '@nodeless/apimachinery/generated/types/core/v1';
import { quoteGo } from '@nodeless/apimachinery/quote-go';

interface Entry {
  readonly path: string;
  readonly source: string;
}

const show = ({ path, source }: Entry): string => (source === '' ? quoteGo(path) : `${quoteGo(path)} (${source})`);

export function warnOfOverlappingPaths(warnings: string[], volumes: readonly Volume[]): void {
  for (const volume of volumes) {
    const { configMap, secret, downwardAPI, projected } = volume;
    const warn = (description: string, entries: readonly Entry[], known: Entry[] = []): void => {
      for (const raw of entries) {
        const entry = { ...raw, path: raw.path.replace(/\/+$/, '') };
        for (const other of overlaps(known, entry)) {
          warnings.push(
            `volume ${quoteGo(volume.name)} (${description}): overlapping paths: ${show(entry)} with ${show(other)}`,
          );
        }
        known.push(entry);
      }
    };
    if (configMap?.items) warn(`ConfigMap ${quoteGo(configMap.name ?? '')}`, entriesOf(configMap.items, ''));
    if (secret?.items) warn(`Secret ${quoteGo(secret.secretName ?? '')}`, entriesOf(secret.items, ''));
    if (downwardAPI?.items) warn('DownwardAPI', entriesOf(downwardAPI.items, ''));
    const known: Entry[] = [];
    for (const source of projected?.sources ?? []) {
      if (Object.keys(source).length === 0)
        warnings.push(`volume ${quoteGo(volume.name)} (Projected) has no sources provided`);
      else warn('Projected', projectedEntries(source), known);
    }
  }
}

function entriesOf(items: readonly { path: string }[], source: string): Entry[] {
  return items.map(({ path }) => ({ path: path ?? '', source }));
}

function projectedEntries(source: Readonly<VolumeProjection>): Entry[] {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap?.items) return entriesOf(configMap.items, `ConfigMap ${quoteGo(configMap.name ?? '')}`);
  if (secret?.items) return entriesOf(secret.items, `Secret ${quoteGo(secret.name ?? '')}`);
  if (downwardAPI?.items) return entriesOf(downwardAPI.items, 'DownwardAPI');
  if (serviceAccountToken) return [{ path: serviceAccountToken.path ?? '', source: 'ServiceAccountToken' }];
  return [];
}

function overlaps(known: readonly Entry[], entry: Entry): Entry[] {
  if (entry.path === '') return [];
  const own = `${entry.path}/`;
  return known.filter(
    (other) => other.path !== '' && (`${other.path}/`.startsWith(own) || own.startsWith(`${other.path}/`)),
  );
}

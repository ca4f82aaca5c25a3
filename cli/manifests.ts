/** Manifests from files, folders, standard input: one object or many, YAML or JSON. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { parseYamlDocuments } from '@nodeless/apimachinery/yaml';
import { UserError } from './output.ts';

export interface Manifest {
  readonly source: string;
  readonly object: UnknownObject;
}

/** Every object of the files, in order; Lists are taken apart. Throws UserError that names the file and the document. */
export function readManifests(paths: readonly string[]): Manifest[] {
  const manifests = paths
    .flatMap(filesOf)
    .flatMap((path) => parseManifests(path === '-' ? readFileSync(0, 'utf8') : read(path), path));
  if (manifests.length === 0) throw new UserError(`no objects found in ${paths.join(', ')}`);
  return manifests;
}

export function parseManifests(text: string, source: string): Manifest[] {
  let documents: unknown[];
  try {
    documents = parseYamlDocuments(text);
  } catch (error) {
    throw new UserError(`${source}: ${(error as Error).message}`);
  }
  return documents.flatMap((document, index) => {
    if (document === null || document === undefined) return [];
    const where = documents.length > 1 ? `${source}, document ${index + 1}` : source;
    if (typeof document !== 'object' || Array.isArray(document)) throw new UserError(`${where}: an object is expected`);
    const object = document as UnknownObject;
    if (typeof object.kind !== 'string' || typeof object.apiVersion !== 'string')
      throw new UserError(`${where}: apiVersion and kind must be set`);
    if (!object.kind.endsWith('List') || !Array.isArray(object['items'])) return [{ source: where, object }];
    return (object['items'] as UnknownObject[]).map((item) => ({ source: where, object: item }));
  });
}

function filesOf(path: string): string[] {
  if (path === '-') return [path];
  let stat;
  try {
    stat = statSync(path);
  } catch {
    throw new UserError(`the path ${JSON.stringify(path)} does not exist`);
  }
  if (!stat.isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .toSorted()
    .map((name) => join(path, name));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(`${path}: ${(error as Error).message}`);
  }
}

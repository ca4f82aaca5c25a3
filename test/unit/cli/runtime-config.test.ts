import { describe, expect, it } from 'vitest';
import { parseRuntimeConfig } from '../../../cli/runtime-config.ts';

describe('--runtime-config', () => {
  it.each([
    [undefined, []],
    ['resource.k8s.io/v1beta1', ['resource.k8s.io/v1beta1']],
    ['certificates.k8s.io/v1beta1=true,v1', ['certificates.k8s.io/v1beta1', 'v1']],
  ])('%s', (text, names) => expect([...parseRuntimeConfig(text)]).toEqual(names));
  it.each(['api/all=true', 'batch/v1=false', 'Nonsense'])('refuses %s', (text) => {
    expect(() => parseRuntimeConfig(text)).toThrow('--runtime-config');
  });
});

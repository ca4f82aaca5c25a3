import {
  negotiate,
  onlyPlain,
  resourceConversions,
  routerAccepts,
  wantsPretty,
  acceptsGzip,
} from '@nodeless/apiserver/negotiation';
import { describe, expect, it } from 'vitest';

const table = (version: string) => ({ kind: 'Table', group: 'meta.k8s.io', version });
const json = 'application/json';
const yaml = 'application/yaml';
const proto = 'application/vnd.kubernetes.protobuf';

describe('negotiation', () => {
  it.each([
    [undefined, json, undefined],
    ['', json, undefined],
    ['*/*', json, undefined],
    ['application/*', json, undefined],
    ['text/html, */*', json, undefined],
    [yaml, yaml, undefined],
    [`${json};q=0.5,${yaml}`, yaml, undefined],
    [`${yaml};q=0.5,${json}`, json, undefined],
    [`${proto},${json}`, json, undefined],
    [proto, proto, undefined],
    [`${json};as=Table;v=v1;g=meta.k8s.io,${json}`, json, table('v1')],
    [`${json};as=Table;v=v1beta1;g=meta.k8s.io`, json, table('v1beta1')],
    [`${json};as=Table;v=v9;g=meta.k8s.io,${json}`, json, undefined],
    [`${json};as=Zig;v=v1;g=meta.k8s.io,${json}`, json, undefined],
    [
      `${proto};as=PartialObjectMetadata;v=v1;g=meta.k8s.io,${json};as=PartialObjectMetadata;v=v1;g=meta.k8s.io`,
      json,
      { kind: 'PartialObjectMetadata', group: 'meta.k8s.io', version: 'v1' },
    ],
    [`${json};stream=watch`, json, undefined],
  ])('%s', (header, mediaType, convert) => {
    expect(negotiate(header, resourceConversions)).toEqual({ mediaType, convert, pretty: false });
  });

  it.each([
    'text/html',
    `${json};as=Table;v=v9;g=meta.k8s.io`,
    `${json};as=Zig;v=v1;g=meta.k8s.io`,
    `${yaml};stream=watch`,
    'garbage',
    `${proto};as=Table;v=v1;g=meta.k8s.io`,
  ])('cannot give %s', (header) => {
    expect(negotiate(header, resourceConversions)).toBeUndefined();
  });

  it('gives conversions only where there are some', () => {
    expect(negotiate(`${json};as=Table;v=v1;g=meta.k8s.io`, onlyPlain)).toBeUndefined();
  });

  it('knows pretty', () => {
    expect(negotiate(`${json};pretty=1`, onlyPlain)?.pretty).toBe(true);
    expect(wantsPretty('true', 'kubectl/v1')).toBe(true);
    expect(wantsPretty('false', 'curl/8')).toBe(false);
    expect(wantsPretty(undefined, 'curl/8')).toBe(true);
    expect(wantsPretty(undefined, 'Mozilla/5.0 (X11)')).toBe(true);
    expect(wantsPretty(undefined, 'kubectl/v1')).toBe(false);
    expect(wantsPretty('maybe', undefined)).toBe(false);
  });

  it.each([
    ['application/*', false],
    ['text/html', false],
    ['text/html,application/json;q=0.1', true],
    ['text/html, */*;q=0.1', true],
    [`${json};as=Zig`, true],
    [proto, true],
  ])('the router takes %s: %s', (header, accepts) => expect(routerAccepts(header)).toBe(accepts));

  it('finds gzip', () => {
    expect(acceptsGzip('deflate, gzip')).toBe(true);
    expect(acceptsGzip('gzip;q=0')).toBe(false);
    expect(acceptsGzip(undefined)).toBe(false);
  });
});

import { Route53Client } from '@aws-sdk/client-route-53';
import type { Service, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { deployments, events, services } from '@nodeless/client/resource-types';
import { type ManualClock, createManualClock } from '@nodeless/component-base/manual-clock';
import { createDnsController } from '@nodeless/controllers/load-balancers/dns/dns-controller';
import type { DnsRecord } from '@nodeless/controllers/load-balancers/dns/records';
import { type ZoneWriter, createZoneWriter } from '@nodeless/controllers/load-balancers/dns/zone-writer';
import { describe, expect, it } from 'vitest';
import { newDeployment } from '../builders/cluster-objects.ts';
import { createCluster } from '../builders/cluster.ts';
import { clientSettings } from './rigs/request-handler.ts';
import { validateRequests } from './rigs/request-validation.ts';
import { createRoute53Rig } from './rigs/route53.ts';

function zone(clock: ManualClock, options: Partial<Parameters<typeof createRoute53Rig>[0]> = {}) {
  const model = createRoute53Rig({ clock, ...options });
  const client = new Route53Client({ ...clientSettings, requestHandler: model.requestHandler });
  const validation = validateRequests(client);
  const writer = (): ZoneWriter => createZoneWriter({ client, zoneId: 'Z1', domain: 'cluster.local', clock });
  return { model, writer, validation };
}

const a = (name: string, ...values: string[]): DnsRecord => ({
  name: `${name}.default.svc.cluster.local.`,
  type: 'A',
  ttl: 5,
  values,
});
/** Time passes while something waits for it. */
async function passing<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let done = false;
  const settled = work.finally(() => (done = true));
  settled.catch(() => {});
  for (let i = 0; i < 2000 && !done; i++) await clock.advance(100);
  return settled;
}
const shown = ({ records }: ReturnType<typeof createRoute53Rig>): string[] =>
  [...records.values()]
    .filter(({ name }) => name.includes('.svc.') && !name.startsWith('_nodeless.'))
    .map(({ name, type, values }) => `${name} ${type} ${values.join(' ')}`);

describe('the writer of a zone', () => {
  it('writes differences only, in few batches, and lets missing names be forgotten soon', async () => {
    const clock = createManualClock();
    const { model, writer, validation } = zone(clock);
    const many = Array.from({ length: 900 }, (_, i) => a(`s${i}`, '10.0.0.1'));
    const one = writer();
    await passing(clock, one.write(many));
    expect(model.batches.slice(1)).toEqual([500, 402]);
    expect(model.records.get('cluster.local. SOA')?.values[0]).toMatch(/ 5$/);
    await passing(clock, one.write([...many.slice(1), a('x', '10.0.0.2')]));
    expect(model.batches.at(-1), 'with the token').toBe(3);
    const calls = model.faults.calls.length;
    await passing(clock, writer().write([...many.slice(1), a('x', '10.0.0.2')]));
    expect(model.faults.calls.slice(calls), 'a new one reads the whole zone').toEqual(
      Array(4).fill('ListResourceRecordSets'),
    );
    expect(validation.violations).toEqual([]);
  });

  it('sees that another one has written since', async () => {
    const clock = createManualClock();
    const { model, writer } = zone(clock);
    const [first, second] = [writer(), writer()];
    await passing(clock, first.write([a('x', '10.0.0.1')]));
    await passing(clock, second.write([a('x', '10.0.0.2')]));
    await passing(clock, first.write([a('x', '10.0.0.1')]));
    expect(shown(model)).toEqual(['x.default.svc.cluster.local. A 10.0.0.1']);
    const calls = model.faults.calls.length;
    await passing(clock, first.write([a('x', '10.0.0.1')]));
    expect(model.faults.calls.slice(calls), 'one look that nobody was there').toEqual(['ListResourceRecordSets']);
  });

  it('leaves alone what is not below svc', async () => {
    const clock = createManualClock();
    const { model, writer } = zone(clock);
    model.records.set('mine.cluster.local. A', {
      name: 'mine.cluster.local.',
      type: 'A',
      ttl: 60,
      values: ['1.2.3.4'],
    });
    await passing(clock, writer().write([]));
    expect([...model.records.keys()]).toEqual([
      'cluster.local. NS',
      'cluster.local. SOA',
      'mine.cluster.local. A',
      '_nodeless.svc.cluster.local. TXT',
    ]);
  });

  it('comes again where a change is still under way, or calls are too many', async () => {
    const clock = createManualClock();
    const { model, writer } = zone(clock, { changeMs: 5000 });
    const one = writer();
    expect(await passing(clock, one.write([a('x', '10.0.0.1')]))).toEqual({ refused: [], retryAfterMs: 2000 });
    await clock.advance(5000);
    expect(await passing(clock, one.write([a('x', '10.0.0.1')]))).toEqual({ refused: [] });
    expect(shown(model)).toEqual(['x.default.svc.cluster.local. A 10.0.0.1']);
    await clock.advance(5000);
    model.faults.fail('ChangeResourceRecordSets', { code: 'Throttling' });
    expect(await passing(clock, one.write([a('y', '10.0.0.1')]))).toMatchObject({ retryAfterMs: 2000 });
  });

  it('stays below the limit of an account', async () => {
    const clock = createManualClock();
    const { model, writer } = zone(clock, { perSecond: 10, burst: 1 });
    const one = writer();
    for (let i = 0; i < 20; i++)
      expect(await passing(clock, one.write([a(`s${i}`, '10.0.0.1')]))).toEqual({ refused: [] });
    expect(shown(model)).toEqual(['s19.default.svc.cluster.local. A 10.0.0.1']);
  });

  it('turns a name from addresses into another name at once', async () => {
    const clock = createManualClock();
    const { model, writer } = zone(clock);
    const one = writer();
    await passing(clock, one.write([a('x', '10.0.0.1')]));
    const cname: DnsRecord = { name: 'x.default.svc.cluster.local.', type: 'CNAME', ttl: 5, values: ['example.com.'] };
    await passing(clock, one.write([cname]));
    expect(shown(model)).toEqual(['x.default.svc.cluster.local. CNAME example.com.']);
  });

  it('writes the rest where one record is refused, and says which', async () => {
    const clock = createManualClock();
    const { model, writer } = zone(clock);
    const bad: DnsRecord = { ...a('bad', '10.0.0.1'), name: 'bad.example.org.' };
    const one = writer();
    const { refused } = await passing(clock, one.write([a('p', '10.0.0.1'), bad, a('q', '10.0.0.1')]));
    expect(refused).toMatchObject([
      { record: { name: bad.name }, reason: expect.stringMatching(/not permitted in zone/) },
    ]);
    expect(shown(model)).toHaveLength(2);
  });

  it('finds out what others changed', async () => {
    const clock = createManualClock();
    const { model, writer } = zone(clock);
    const one = writer();
    await passing(clock, one.write([a('x', '10.0.0.1')]));
    model.records.delete('x.default.svc.cluster.local. A');
    await passing(clock, one.write([]));
    await passing(clock, one.write([a('y', '10.0.0.1')]));
    expect(shown(model)).toEqual(['y.default.svc.cluster.local. A 10.0.0.1']);
  });
});

describe('names of Services', () => {
  it('follow Services and ready pods', async () => {
    let model: ReturnType<typeof createRoute53Rig> | undefined;
    const cluster = await createCluster({
      more(clock) {
        const made = zone(clock);
        model = made.model;
        const dataPaths = { byDefault: 'auto', agents: false, loadBalancers: false } as const;
        return [createDnsController({ zone: made.writer(), domain: 'cluster.local', dataPaths })];
      },
    });
    try {
      const service = (name: string, spec: ServiceSpec): Promise<Service> =>
        cluster.client.create(services, {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name, namespace: 'default' },
          spec,
        });
      await cluster.client.create(deployments, newDeployment('web', { replicas: 2 }));
      await service('web', { clusterIP: '10.96.0.50', selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] });
      await service('out', { type: 'ExternalName', externalName: 'example.com' });
      await service('bad', { type: 'ExternalName', externalName: '10.0.0.1' });
      await service('none', { clusterIP: 'None', selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] });
      const names = (): Record<string, string> =>
        Object.fromEntries(
          shown(model as NonNullable<typeof model>).map((line) => {
            const [name = '', type = '', ...values] = line.split(' ');
            return [`${name.replace('.default.svc.cluster.local.', '')} ${type}`, values.join(' ')];
          }),
        );
      await cluster.until(
        'names of pods',
        async () => names()['web A'] === '10.1.0.0 10.1.0.1' && names()['none A'] !== undefined,
      );
      expect(names()).toEqual({
        'web A': '10.1.0.0 10.1.0.1',
        '_http._tcp.web SRV': '0 100 80 web.default.svc.cluster.local.',
        'out CNAME': 'example.com.',
        'none A': '10.1.0.0 10.1.0.1',
        '10-1-0-0.none A': '10.1.0.0',
        '10-1-0-1.none A': '10.1.0.1',
        '_http._tcp.none SRV':
          '0 100 80 10-1-0-0.none.default.svc.cluster.local. 0 100 80 10-1-0-1.none.default.svc.cluster.local.',
      });
      await cluster.edit(deployments, 'web', (d) => d.spec && (d.spec.replicas = 0));
      await cluster.until('the ClusterIP instead', async () => names()['web A'] === '10.96.0.50');
      expect(
        (await cluster.client.list(events, { namespace: 'default' })).items.map(
          ({ reason, message }) => `${reason} ${message}`,
        ),
      ).toContain('ExternalNameIgnored 10.0.0.1 is no host name: a name can lead to names only');
      await cluster.client.delete(services, { namespace: 'default', name: 'web' });
      await cluster.until('no name', async () => names()['web A'] === undefined);
      expect(cluster.logged).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });
});

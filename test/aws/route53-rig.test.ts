import {
  ChangeResourceRecordSetsCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
} from '@aws-sdk/client-route-53';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { describe, expect, it } from 'vitest';
import { clientSettings } from './rigs/request-handler.ts';
import { createRoute53Rig } from './rigs/route53.ts';

function rig(options: Partial<Parameters<typeof createRoute53Rig>[0]> = {}) {
  const clock = createManualClock();
  const model = createRoute53Rig({ clock, ...options });
  const client = new Route53Client({ ...clientSettings, requestHandler: model.requestHandler });
  const change = (Action: 'CREATE' | 'UPSERT' | 'DELETE', Name: string, ...values: string[]) => ({
    Action,
    ResourceRecordSet: { Name, Type: 'A' as const, TTL: 5, ResourceRecords: values.map((Value) => ({ Value })) },
  });
  const send = (...Changes: ReturnType<typeof change>[]) =>
    client.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: 'Z1', ChangeBatch: { Changes } }));
  return { clock, model, client, change, send };
}

describe('the model of a hosted zone', () => {
  it('takes a batch as a whole or not at all', async () => {
    const { model, change, send } = rig();
    await expect(
      send(change('UPSERT', 'a.cluster.local', '10.0.0.1'), change('DELETE', 'b.cluster.local', '10.0.0.1')),
    ).rejects.toMatchObject({
      name: 'InvalidChangeBatch',
      message: expect.stringMatching(/b\.cluster\.local.*not found/),
    });
    expect(model.records.has('a.cluster.local. A')).toBe(false);
    await send(change('UPSERT', 'a.cluster.local', '10.0.0.1'));
    await expect(send(change('CREATE', 'a.cluster.local', '10.0.0.1'))).rejects.toThrow(/already exists/);
    await expect(send(change('DELETE', 'a.cluster.local', '10.0.0.2'))).rejects.toThrow(/not found/);
    await send(change('DELETE', 'a.cluster.local', '10.0.0.1'));
    expect([...model.records.keys()]).toEqual(['cluster.local. NS', 'cluster.local. SOA']);
  });

  it('holds its limits', async () => {
    const { clock, change, send } = rig({ perSecond: 1, burst: 2, changeMs: 500 });
    const many = Array.from({ length: 501 }, (_, i) => change('UPSERT', `a${i}.cluster.local`, '10.0.0.1'));
    await expect(send(...many)).rejects.toThrow(/limit of 1000/);
    await send(...many.slice(1));
    await expect(send(many[0]!)).rejects.toMatchObject({ name: 'Throttling' });
    await clock.advance(499);
    await clock.advance(1);
    await clock.advance(1000);
    await send(many[0]!);
    await expect(rig({ changeMs: 500 }).send(many[0]!)).resolves.toBeDefined();
  });

  it('takes one batch after another', async () => {
    const { clock, change, send } = rig({ changeMs: 500 });
    await send(change('UPSERT', 'a.cluster.local', '10.0.0.1'));
    await expect(send(change('UPSERT', 'b.cluster.local', '10.0.0.1'))).rejects.toMatchObject({
      name: 'PriorRequestNotComplete',
    });
    await clock.advance(500);
    await send(change('UPSERT', 'b.cluster.local', '10.0.0.1'));
  });

  it('lists page by page, by labels from the right', async () => {
    const { client, change, send } = rig();
    await send(change('UPSERT', 'b.x.cluster.local', '10.0.0.1'), change('UPSERT', 'a.y.cluster.local', '10.0.0.1'));
    const names: unknown[] = [];
    let start: { StartRecordName?: string; StartRecordType?: 'A' } | undefined = {};
    while (start) {
      const page: Awaited<ReturnType<typeof list>> = await list(start);
      names.push(...(page.ResourceRecordSets ?? []).map(({ Name, Type }) => `${Name} ${Type}`));
      start = page.IsTruncated
        ? { StartRecordName: page.NextRecordName, StartRecordType: page.NextRecordType as 'A' }
        : undefined;
    }
    function list(from: object) {
      return client.send(new ListResourceRecordSetsCommand({ HostedZoneId: 'Z1', MaxItems: 1, ...from }));
    }
    expect(names).toEqual(['cluster.local. NS', 'cluster.local. SOA', 'b.x.cluster.local. A', 'a.y.cluster.local. A']);
  });
});

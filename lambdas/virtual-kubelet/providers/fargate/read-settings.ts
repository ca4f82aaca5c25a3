import { setting } from '@nodeless/component-base/function-settings';
import type { FargateSettings } from './settings.ts';

/** Of the function's environment, as infra/ sets it. Throws, naming the variable, for what is missing or no value of its kind. */
export function settingsOf(
  cluster: Pick<FargateSettings, 'cluster' | 'kubeletEndpoint'>,
  environment: NodeJS.ProcessEnv = process.env,
): FargateSettings {
  const of = (name: string): string => setting(name, environment);
  const oneOf = <T extends string>(name: string, values: readonly T[]): T => {
    const value = values.find((v) => v === of(name));
    if (value === undefined) throw new Error(`the environment variable ${name} must be one of ${values.join(', ')}`);
    return value;
  };
  return {
    ...cluster,
    region: of('AWS_REGION'),
    ecsCluster: of('NODELESS_ECS_CLUSTER'),
    subnets: subnetsOf(of('NODELESS_SUBNETS')),
    securityGroups: of('NODELESS_SECURITY_GROUPS').split(',').filter(Boolean),
    assignPublicIp: oneOf('NODELESS_ASSIGN_PUBLIC_IP', ['ENABLED', 'DISABLED']),
    executionRole: of('NODELESS_EXECUTION_ROLE'),
    taskRole: environment['NODELESS_TASK_ROLE'] ?? '',
    logGroup: of('NODELESS_LOG_GROUP'),
    agentImage: of('NODELESS_AGENT_IMAGE'),
    defaultArchitecture: oneOf('NODELESS_ARCHITECTURE', ['amd64', 'arm64']),
  };
}

function subnetsOf(text: string): FargateSettings['subnets'] {
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed)) throw new Error('the environment variable NODELESS_SUBNETS is no list');
  return parsed.map((one: { id?: unknown; zone?: unknown }) => {
    if (typeof one.id !== 'string' || typeof one.zone !== 'string')
      throw new Error('the environment variable NODELESS_SUBNETS holds something that is no subnet');
    return { id: one.id, zone: one.zone };
  });
}

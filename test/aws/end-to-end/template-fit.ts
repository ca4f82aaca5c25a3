/**
 * What has to come out of a template for an engine that is not AWS. Nothing does unless the engine itself has refused it, in the
 * words that are looked for here; each removal is told with its reason.
 */
export interface Template {
  readonly Resources: Record<string, Resource>;
}

interface Resource {
  readonly Type: string;
  DependsOn?: string | string[];
  readonly Properties?: Record<string, unknown>;
}

/** Answers what was taken out; nothing when the refusal is not one of those that are known. */
export function fitTemplate(template: Template, refusal: string): readonly string[] {
  const types = /Unrecognized resource types: \[([^\]]*)\]/.exec(refusal)?.[1];
  if (types !== undefined)
    return types
      .split(',')
      .map((type) => type.trim().replaceAll(/^['"]|['"]$/g, ''))
      .filter((type) => removable.has(type))
      .flatMap((type) => removeType(template, type));
  if (refusal.includes('Requested attribute Ipv6CidrBlocks does not exist')) return removeIpv6(template);
  return [];
}

/** Types without which a cluster on an emulator still is one. Anything else that an engine does not know ends the test. */
const removable = new Set([
  // Rules between security groups: an emulator has no packet filter.
  'AWS::EC2::SecurityGroupIngress',
  'AWS::EC2::SecurityGroupEgress',
  // Second ranges of the VPC: the addresses of Services, and IPv6.
  'AWS::EC2::VPCCidrBlock',
  'AWS::EC2::EgressOnlyInternetGateway',
  'AWS::ECS::ClusterCapacityProviderAssociations',
]);

function removeType(template: Template, type: string): string[] {
  const names = Object.entries(template.Resources)
    .filter(([, resource]) => resource.Type === type)
    .map(([name]) => name);
  remove(template, names);
  return names.length === 0 ? [] : [`${names.length} × ${type}: the engine does not know the type`];
}

function removeIpv6(template: Template): string[] {
  const subnets = Object.values(template.Resources).filter(
    ({ Type, Properties }) => Type === 'AWS::EC2::Subnet' && Properties?.['Ipv6CidrBlock'] !== undefined,
  );
  for (const { Properties } of subnets) {
    delete Properties!['Ipv6CidrBlock'];
    delete Properties!['AssignIpv6AddressOnCreation'];
  }
  return [`IPv6 of ${subnets.length} subnets: the engine's VPCs have none`];
}

function remove(template: Template, names: readonly string[]): void {
  for (const name of names) delete template.Resources[name];
  for (const resource of Object.values(template.Resources)) {
    if (Array.isArray(resource.DependsOn))
      resource.DependsOn = resource.DependsOn.filter((one) => !names.includes(one));
    else if (typeof resource.DependsOn === 'string' && names.includes(resource.DependsOn)) delete resource.DependsOn;
  }
}

/** Findings of cdk-nag that are as they are meant to be, each with its reason. What is not here is mended, not acknowledged. */
import { Stack, Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** Names are said in a template by functions; cdk-nag shows them as `<AWS::Region>`. */
function shown(scope: Construct, arn: string): string {
  const value: unknown = Stack.of(scope).resolve(arn);
  const render = (part: unknown): string => {
    if (typeof part === 'string') return part;
    const [key, argument] = Object.entries(part as Record<string, unknown>)[0] ?? [];
    if (key === 'Ref') return `<${String(argument)}>`;
    if (key === 'Fn::Join') {
      const [separator, parts] = argument as [string, unknown[]];
      return parts.map(render).join(separator);
    }
    return Array.isArray(argument) ? `<${argument.join('.')}>` : JSON.stringify(part);
  };
  return render(value);
}

/** Resources of IAM statements that name more than one thing: why they do. */
export function acknowledgeWildcards(scope: Construct, arns: readonly string[], why: string): void {
  for (const arn of arns.map((one) => shown(scope, one)).filter((one) => one.includes('*')))
    acknowledge(scope, `IAM5[Resource::${arn}]`, why);
}

export function acknowledge(scope: Construct, finding: string, reason: string): void {
  Validations.of(scope).acknowledge({ id: `AwsSolutions::AwsSolutions-${finding}`, reason });
}

/** One of the functions: its bundle, its role with only what permissions.ts lists, its log group. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { type FunctionName, functions, type Variable } from '../functions.ts';
import { permissions } from '../permissions.ts';
import { acknowledgeWildcards } from '../suppressions.ts';
import { functionName, type Parts, resourcesOf, statementsOf } from './places.ts';

export interface NodelessFunctionProps {
  readonly name: FunctionName;
  readonly parts: Parts;
  readonly values: Readonly<Partial<Record<Variable, string>>>;
  /** Folder of the bundles. */
  readonly bundles: string;
}

export class NodelessFunction extends Construct {
  readonly function: lambda.Function;
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, { name, parts, values, bundles }: NodelessFunctionProps) {
    super(scope, id);
    const { cluster, logRetentionDays, reservedConcurrency } = parts.settings;
    const definition = functions[name];
    const fullName = functionName(cluster, name);
    const logGroup = new logs.LogGroup(this, 'Logs', {
      logGroupName: `/aws/lambda/${fullName}`,
      retention: logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
      encryptionKey: parts.customerKey,
    });
    this.role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: definition.description,
      inlinePolicies: {
        function: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({
              actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              resources: [logGroup.logGroupArn],
            }),
            ...statementsOf(this, permissions[name], parts),
          ],
        }),
      },
    });
    for (const grant of permissions[name]) acknowledgeWildcards(this.role, resourcesOf(this, grant, parts), grant.why);
    const environment: Record<string, string> = {};
    for (const variable of definition.environment) {
      const value = values[variable];
      if (value !== undefined) environment[variable] = value;
    }
    this.function = new lambda.Function(this, 'Function', {
      functionName: fullName,
      description: definition.description,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: definition.handler,
      code: lambda.Code.fromAsset(join(bundles, definition.bundle)),
      memorySize: definition.memory,
      timeout: Duration.seconds(definition.timeout),
      environment,
      // The role stays as it is: nothing that is added to a function may widen it.
      role: this.role.withoutPolicyUpdates(),
      logGroup,
      reservedConcurrentExecutions: (reservedConcurrency as Partial<Record<FunctionName, number>>)[name],
    });
  }
}

/** Where the bundles are: beside this code when it is published, under dist/ in a checkout. */
export function findBundles(from: string = import.meta.url): string {
  const places = ['./functions', '../functions', '../../dist/functions', '../dist/functions'].map((path) =>
    fileURLToPath(new URL(path, from)),
  );
  const found = places.find((path) => existsSync(join(path, 'apiserver', 'index.mjs')));
  if (!found)
    throw new Error(
      `the functions are not bundled (looked for apiserver/index.mjs in ${places.join(', ')}): npm run bundle`,
    );
  return found;
}

/** The Kubernetes API: a function behind its own URL, or behind CloudFront. */
import { Duration, Fn, Stack, Token } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as origins from 'aws-cdk-lib/aws-cloudfront-origins';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import { acknowledge } from '../suppressions.ts';
import { NodelessFunction, type NodelessFunctionProps } from './nodeless-function.ts';

export const originHeader = 'x-nodeless-origin';

export class Api extends Construct {
  readonly function: lambda.Function;
  /** What clients connect to, without a slash at its end. */
  readonly endpoint: string;
  readonly distribution?: cloudfront.Distribution;

  constructor(scope: Construct, id: string, props: Omit<NodelessFunctionProps, 'name'>) {
    super(scope, id);
    const { exposure, waf, cluster } = props.parts.settings;
    const secret = exposure === 'edge' ? this.makeOriginSecret(cluster) : undefined;
    const values = secret === undefined ? props.values : { ...props.values, NODELESS_ORIGIN_SECRET: secret };
    this.function = new NodelessFunction(this, 'Server', { ...props, values, name: 'apiserver' }).function;
    // kubectl cannot sign requests: the function authenticates, before it reads a body or asks the store.
    const url = this.function.addFunctionUrl({
      authType: lambda.FunctionUrlAuthType.NONE,
      invokeMode: lambda.InvokeMode.RESPONSE_STREAM,
    });
    if (secret === undefined) this.endpoint = withoutSlash(url.url);
    else {
      this.distribution = this.makeDistribution(url, secret, waf, cluster);
      this.endpoint = `https://${this.distribution.distributionDomainName}`;
    }
  }

  private makeOriginSecret(cluster: string): string {
    const secret = new secretsmanager.Secret(this, 'OriginSecret', {
      description: `What CloudFront shows the API of the nodeless cluster ${cluster}`,
      generateSecretString: { passwordLength: 40, excludePunctuation: true },
    });
    acknowledge(
      secret,
      'SMG4',
      'CloudFront and the function would have to change in the same moment; it guards against cost, not against access',
    );
    // Where it stands in the template is only a reference, which CloudFormation resolves.
    return secret.secretValue.unsafeUnwrap();
  }

  private makeDistribution(
    url: lambda.FunctionUrl,
    secret: string,
    waf: boolean,
    cluster: string,
  ): cloudfront.Distribution {
    const distribution = new cloudfront.Distribution(this, 'Edge', {
      comment: `API of the nodeless cluster ${cluster}`,
      webAclId: waf ? this.makeWebAcl(cluster) : undefined,
      httpVersion: cloudfront.HttpVersion.HTTP2_AND_3,
      defaultBehavior: {
        origin: new origins.FunctionUrlOrigin(url, {
          customHeaders: { [originHeader]: secret },
          // Time between two pieces of a watch: bookmarks come more often.
          readTimeout: Duration.seconds(60),
          keepaliveTimeout: Duration.seconds(60),
        }),
        viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
        allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
        cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED,
        originRequestPolicy: cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
      },
    });
    acknowledge(distribution, 'CFR1', 'where the users of a cluster are, nobody knows');
    acknowledge(distribution, 'CFR3', 'the API has an audit log of its own, which knows users');
    acknowledge(distribution, 'CFR4', 'CloudFront takes its own certificate only with its oldest policy');
    return distribution;
  }

  private makeWebAcl(cluster: string): string {
    const { region } = Stack.of(this);
    if (!Token.isUnresolved(region) && region !== 'us-east-1')
      throw new Error(`waf: a web ACL for CloudFront can only be made in us-east-1, and this stack is for ${region}`);
    const visible = (name: string) => ({
      cloudWatchMetricsEnabled: true,
      metricName: `nodeless-${cluster}-${name}`,
      sampledRequestsEnabled: true,
    });
    return new wafv2.CfnWebACL(this, 'WebAcl', {
      scope: 'CLOUDFRONT',
      defaultAction: { allow: {} },
      visibilityConfig: visible('all'),
      rules: [
        {
          name: 'rate',
          priority: 0,
          action: { block: {} },
          statement: { rateBasedStatement: { limit: 10_000, aggregateKeyType: 'IP' } },
          visibilityConfig: visible('rate'),
        },
        {
          name: 'known-bad-addresses',
          priority: 1,
          overrideAction: { none: {} },
          statement: {
            managedRuleGroupStatement: { vendorName: 'AWS', name: 'AWSManagedRulesAmazonIpReputationList' },
          },
          visibilityConfig: visible('known-bad-addresses'),
        },
      ],
    }).attrArn;
  }
}

/** A function URL ends with a slash, which is known only in the deployment: `https://host/` → `https://host`. */
export function withoutSlash(url: string): string {
  return `https://${Fn.select(2, Fn.split('/', url))}`;
}

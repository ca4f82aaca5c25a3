/** Everything about load balancers and names that runs in AWS only, put together: for who runs it and for who only wakes it. */
import type { DataPathSettings } from '@nodeless/apimachinery/service-data-path';
import type { Controller } from '@nodeless/controller-runtime/controller';
import { createIngressController } from '../ingress/ingress.ts';
import { createTargetReadinessController } from '../target-readiness.ts';
import { createDataPathController, type ServiceSubnet } from './data-path.ts';
import { createDnsController } from './dns/dns-controller.ts';
import type { ZoneWriter } from './dns/zone-writer.ts';
import type { Certificates } from './elbv2/certificates.ts';
import { createElbv2BackendHealth } from './elbv2/elbv2-backend-health.ts';
import type { Elbv2 } from './elbv2/elbv2.ts';
import { createElbv2LoadBalancers } from './elbv2/elbv2-load-balancers.ts';
import type { LoadBalancerProvider } from './load-balancer.ts';

export interface AwsControllersOptions {
  readonly elbv2: Elbv2;
  readonly certificates: Certificates;
  readonly zone: ZoneWriter;
  readonly dataPaths: DataPathSettings;
  readonly serviceSubnets: readonly ServiceSubnet[];
  /** `cluster.local` */
  readonly domain: string;
  /** Host of the API, for the name kubernetes.default; '' = none. */
  readonly apiHost?: string;
}

export interface AwsControllers {
  /** For `createControllers`. */
  readonly loadBalancers: LoadBalancerProvider;
  /** Beside those of `createControllers`. */
  readonly more: readonly Controller[];
}

export function createAwsControllers(options: AwsControllersOptions): AwsControllers {
  const { elbv2, certificates, zone, dataPaths, serviceSubnets, domain, apiHost } = options;
  return {
    loadBalancers: createElbv2LoadBalancers(elbv2),
    more: [
      createIngressController({ elbv2, certificates }),
      createTargetReadinessController({ health: createElbv2BackendHealth(elbv2.deployer) }),
      createDnsController({ zone, dataPaths, domain, apiHost }),
      createDataPathController({ elbv2, dataPaths, serviceSubnets }),
    ],
  };
}

/** The same for the dispatcher, which asks for names, rules and times and runs nothing. */
export function wakingAwsControllers(): AwsControllers {
  const nobody = { deployer: { inventory: {}, reads: {} } } as unknown as Elbv2;
  return createAwsControllers({
    elbv2: nobody,
    certificates: {} as Certificates,
    zone: {} as ZoneWriter,
    dataPaths: { byDefault: 'auto', agents: false, loadBalancers: false },
    serviceSubnets: [],
    domain: '',
  });
}

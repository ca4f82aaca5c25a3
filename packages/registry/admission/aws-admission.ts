/**
 * Admission that only clusters in AWS have, beside plugins.ts. Every function that may create objects in process is given it,
 * not only the API server's: pods of a Deployment are created by a controller.
 */
import type { AdmissionPlugin } from './admission.ts';
import { fargatePods } from './fargate/fargate-pods.ts';
import { createTargetReadiness } from './target-readiness.ts';

export const awsAdmission: readonly AdmissionPlugin[] = [
  fargatePods,
  createTargetReadiness({
    loadBalancerClasses: ['nodeless.dev/nlb', 'service.k8s.aws/nlb'],
    ingressControllers: ['nodeless.dev/alb', 'ingress.k8s.aws/alb'],
  }),
];

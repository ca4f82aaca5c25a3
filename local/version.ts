import { versionInfo } from '@nodeless/apiserver/version';

/** The Kubernetes API that is served. */
export const kubernetesVersion: string = versionInfo.gitVersion;

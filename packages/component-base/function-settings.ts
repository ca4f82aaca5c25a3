/**
 * What a function in AWS is told by its environment. infra/ sets these names; a test compares what is set with what is read.
 * Small on purpose: what belongs to the cluster and not to a function stands in parameters (`<parameters>/endpoint`, …).
 */
export interface FunctionSettings {
  /** NODELESS_CLUSTER: unique in the account and region; in every name, tag, path and token. */
  readonly cluster: string;
  /** NODELESS_TABLE: the cluster store's name. */
  readonly table: string;
  /** NODELESS_PARAMETERS: path in SSM without a slash at its end, `/nodeless/<cluster>`. Under it: endpoint (URL of the API), kubelet-endpoint (URL of the virtual kubelet), access (JSON), service-account-key (SecureString, PEM). */
  readonly parameters: string;
  /** NODELESS_SERVICE_CIDR: `10.96.0.0/16`. */
  readonly serviceCidr: string;
}

/** Throws, naming the variable, when one is missing: a function that is set up wrongly must not start. */
export function setting(name: string, environment: NodeJS.ProcessEnv = process.env): string {
  const value = environment[name];
  if (value === undefined || value === '') throw new Error(`the environment variable ${name} is not set`);
  return value;
}

export function functionSettings(environment: NodeJS.ProcessEnv = process.env): FunctionSettings {
  return {
    cluster: setting('NODELESS_CLUSTER', environment),
    table: setting('NODELESS_TABLE', environment),
    parameters: setting('NODELESS_PARAMETERS', environment),
    serviceCidr: setting('NODELESS_SERVICE_CIDR', environment),
  };
}

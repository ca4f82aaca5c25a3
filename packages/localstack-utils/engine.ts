/** Something that speaks AWS's APIs, for tests. */
export interface AwsEngine {
  /** What it is. A run on one engine is never called a run on another. */
  readonly engine: EngineName;
  readonly version: string;
  /** What AWS_ENDPOINT_URL must be; undefined for a real account, whose services have endpoints of their own. */
  readonly endpoint: string | undefined;
  readonly region: string;
  /** Undefined: those of the environment, as for any program. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  /** What it wrote last, for a test that failed. Empty for one that was not started here. */
  log(): string;
  /** Ends what was started here and removes what it left, containers too. */
  stop(): Promise<void>;
}

export const engineNames = ['ministack', 'localstack', 'external'] as const;
export type EngineName = (typeof engineNames)[number];

/** The environment in which a program (the CDK's CLI, a function) speaks with the engine. */
export function engineEnvironment(engine: AwsEngine): Record<string, string> {
  return {
    AWS_REGION: engine.region,
    AWS_DEFAULT_REGION: engine.region,
    ...(engine.endpoint === undefined ? {} : { AWS_ENDPOINT_URL: engine.endpoint }),
    ...(engine.credentials && {
      AWS_ACCESS_KEY_ID: engine.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: engine.credentials.secretAccessKey,
    }),
  };
}

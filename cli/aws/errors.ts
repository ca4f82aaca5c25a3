/** What AWS answers, said so that people know what to do. */
import { UserError } from '../output.ts';

export interface ErrorContext {
  readonly region?: string;
  readonly profile?: string;
}

/** Cause and remedy, in one line. */
export class AwsProblem extends UserError {
  readonly code: AwsProblemCode;
  constructor(code: AwsProblemCode, message: string, cause?: unknown) {
    super(message);
    this.code = code;
    this.cause = cause;
  }
}

export type AwsProblemCode =
  | 'no-credentials'
  | 'expired-credentials'
  | 'unknown-credentials'
  | 'no-permission'
  | 'no-region'
  | 'wrong-region'
  | 'no-cluster'
  | 'throttled'
  | 'unreachable'
  | 'other';

/** undefined for what is no error of AWS: a mistake of ours, which is to show its stack. */
export function explainAwsError(error: unknown, { region, profile }: ErrorContext = {}): AwsProblem | undefined {
  if (error instanceof AwsProblem) return error;
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  const code = (error as NodeJS.ErrnoException).code ?? (error.cause as NodeJS.ErrnoException | undefined)?.code;
  const login = `aws sso login${profile ? ` --profile ${profile}` : ''}`;
  const problem = (kind: AwsProblemCode, text: string): AwsProblem => new AwsProblem(kind, text, error);
  if (
    /^(?:ExpiredToken|ExpiredTokenException|RequestExpired|TokenRefreshRequired|InvalidGrantException)$/.test(name) ||
    /token (?:has|is) expired|session.*(?:has expired|is invalid)/i.test(message)
  )
    return problem(
      'expired-credentials',
      `the AWS credentials${profile ? ` of profile ${profile}` : ''} have expired: sign in again ("${login}"), or set new ones in the environment`,
    );
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError')
    return problem(
      'no-credentials',
      profile
        ? `the AWS profile ${JSON.stringify(profile)} gives no credentials (${firstLine(message)}): "aws configure list-profiles" shows those that there are, "${login}" signs in`
        : `no AWS credentials were found: run "aws configure sso", name a profile with --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
    );
  if (/^(?:AccessDenied|AccessDeniedException|UnauthorizedOperation|Forbidden|AuthorizationError)$/.test(name))
    return problem(
      'no-permission',
      `AWS does not allow this: ${firstLine(message)}. Ask whoever manages the account for ${neededAction(message) ?? 'the permission'}, or use another profile`,
    );
  if (
    /^(?:UnrecognizedClientException|InvalidClientTokenId|AuthFailure|InvalidSignatureException|SignatureDoesNotMatch)$/.test(
      name,
    )
  )
    return problem(
      'unknown-credentials',
      `AWS does not know these credentials${region ? ` in ${region}` : ''}: they are wrong, were deleted, or this region is not enabled for the account ("aws account enable-region --region-name ${region ?? '<region>'}")`,
    );
  if (name === 'OptInRequired' || name === 'SubscriptionRequiredException')
    return problem(
      'wrong-region',
      `${region ?? 'this region'} is not enabled for the account: choose another --region, or enable it ("aws account enable-region --region-name ${region ?? '<region>'}")`,
    );
  if (/Region is missing/.test(message)) return noRegion(error);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return problem(
      'wrong-region',
      `AWS cannot be reached${region ? ` in ${region}` : ''} (${firstLine(message)}): is the region's name right, and is there a network?`,
    );
  if (/^(?:Throttling|ThrottlingException|TooManyRequestsException|RequestLimitExceeded)$/.test(name))
    return problem('throttled', `AWS asks for patience (${firstLine(message)}): try again in a minute`);
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'ETIMEDOUT' || name === 'TimeoutError')
    return problem(
      'unreachable',
      `AWS cannot be reached (${firstLine(message)}): is there a network, or an AWS_ENDPOINT_URL where nobody answers?`,
    );
  if ('$metadata' in error || '$fault' in error) return problem('other', `AWS answers ${name}: ${firstLine(message)}`);
  return undefined;
}

export function noRegion(cause?: unknown): AwsProblem {
  return new AwsProblem(
    'no-region',
    'no region: name one with --region, or set AWS_REGION or one in the AWS profile',
    cause,
  );
}

export function noCluster(name: string, region: string, account: string, others: readonly string[]): AwsProblem {
  const rest =
    others.length > 0
      ? `there ${others.length === 1 ? 'is' : 'are'} ${others.join(', ')}`
      : `there is none: look in another --region or --profile, or make it with "nodeless deploy --cluster ${name} --region ${region}"`;
  return new AwsProblem(
    'no-cluster',
    `there is no cluster ${JSON.stringify(name)} in ${region} of account ${account}; ${rest}`,
  );
}

/** Runs something that asks AWS; what AWS refuses is thrown as AwsProblem. */
export async function explained<T>(context: ErrorContext, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw explainAwsError(error, context) ?? error;
  }
}

function neededAction(message: string): string | undefined {
  return /not authorized to perform: ([a-z0-9-]+:[A-Za-z*]+)/.exec(message)?.[1];
}

function firstLine(text: string): string {
  return (text.split('\n')[0] as string).replace(/[.\s]+$/, '');
}

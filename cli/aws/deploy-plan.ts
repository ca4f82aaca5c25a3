/** What a deploy does about a stack as it finds it. */
import type { StackState } from './cloud.ts';

export interface DeployPlan {
  readonly action: 'create' | 'update' | 'wait' | 'continue-rollback' | 'refuse';
  /** What is there from before, and what is made of it. */
  readonly message?: string;
  /** Whether CloudFormation undoes what succeeded when something fails. Not at a first deploy: the next one goes on from there. */
  readonly rollback: boolean;
}

export function planDeploy(stack: Pick<StackState, 'status' | 'reason'> | undefined): DeployPlan {
  if (!stack) return { action: 'create', rollback: false };
  const { status, reason } = stack;
  const because = reason ? ` (${reason})` : '';
  switch (status) {
    case 'DELETE_COMPLETE':
    case 'REVIEW_IN_PROGRESS':
      return { action: 'create', rollback: false };
    case 'CREATE_FAILED':
      return {
        action: 'update',
        rollback: false,
        message: `An earlier deploy stopped half way${because}. It goes on from there.`,
      };
    case 'UPDATE_FAILED':
      return {
        action: 'update',
        rollback: false,
        message: `An earlier change stopped half way${because}. It goes on from there.`,
      };
    case 'ROLLBACK_COMPLETE':
    case 'ROLLBACK_FAILED':
      return {
        action: 'create',
        rollback: false,
        message: `An earlier deploy failed and was undone${because}. What is left of its stack is removed, and it begins anew.`,
      };
    case 'UPDATE_ROLLBACK_COMPLETE':
      return {
        action: 'update',
        rollback: true,
        message: `The last change failed and was undone${because}; the cluster is as it was before. It is tried again.`,
      };
    case 'UPDATE_ROLLBACK_FAILED':
      return {
        action: 'continue-rollback',
        rollback: true,
        message: `The last change failed and could not be undone${because}. Undoing goes on first.`,
      };
    case 'DELETE_FAILED':
      return {
        action: 'refuse',
        rollback: true,
        message: `this cluster is half removed${because}: finish that with "nodeless destroy", then deploy again`,
      };
    default:
      if (status.endsWith('_IN_PROGRESS'))
        return {
          action: 'wait',
          rollback: true,
          message: `Somebody is at it already (${status}): waiting for the end of that.`,
        };
      return { action: 'update', rollback: true };
  }
}

/** Whether a stack is at rest. */
export function isSettled(status: string | undefined): boolean {
  return status === undefined || !status.endsWith('_IN_PROGRESS') || status === 'REVIEW_IN_PROGRESS';
}

/** Whether a deploy has brought a stack where it was to be. */
export function isDeployed(status: string | undefined): boolean {
  return (
    status === 'CREATE_COMPLETE' || status === 'UPDATE_COMPLETE' || status === 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS'
  );
}

/** The list of commands. */
import { addApply } from './apply.ts';
import type { AddCommand } from './command.ts';
import { addCompletion } from './completion.ts';
import { addDelete } from './delete.ts';
import { addDeploy } from './deploy.ts';
import { addDestroy } from './destroy.ts';
import { addDoctor } from './doctor.ts';
import { addDown } from './down.ts';
import { addGet } from './get.ts';
import { addKubeconfig } from './kubeconfig.ts';
import { addLogs } from './logs.ts';
import { addStatus } from './status.ts';
import { addToken } from './token.ts';
import { addUp } from './up.ts';
import { addVersion } from './version.ts';

export const commands: readonly AddCommand[] = [
  addUp,
  addDown,
  addStatus,
  addApply,
  addGet,
  addLogs,
  addDelete,
  addDeploy,
  addDestroy,
  addKubeconfig,
  addToken,
  addDoctor,
  addVersion,
  addCompletion,
];

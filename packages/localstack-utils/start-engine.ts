import { chooseEngine, thisMachine } from './choose-engine.ts';
import type { AwsEngine } from './engine.ts';
import { useExternal } from './external.ts';
import { startLocalStack } from './localstack.ts';
import { startMiniStack } from './ministack.ts';

/** Starts or finds the engine that was asked for, or the best there is. Throws where there is none (`chooseEngine` tells). */
export async function startEngine(env: NodeJS.ProcessEnv = process.env): Promise<AwsEngine> {
  const choice = chooseEngine(thisMachine(env));
  if ('missing' in choice) throw new Error(choice.missing);
  switch (choice.engine) {
    case 'ministack':
      return await startMiniStack(env);
    case 'localstack':
      return await startLocalStack(env);
    case 'external':
      return await useExternal(env);
  }
}

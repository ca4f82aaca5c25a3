import type { Command } from 'commander';
import { UserError } from '../output.ts';
import type { AddCommand } from './command.ts';

/** Words for each command: its options; for the program: its commands. */
function words(program: Command): Map<string, string[]> {
  const table = new Map<string, string[]>([['', program.commands.map((c) => c.name())]]);
  for (const command of program.commands)
    table.set(
      command.name(),
      command.options.map((o) => o.long ?? o.short ?? ''),
    );
  return table;
}

const scripts: Record<string, (table: Map<string, string[]>) => string> = {
  bash(table) {
    const cases = [...table]
      .filter(([name]) => name)
      .map(([name, options]) => `    ${name}) words="${options.join(' ')}" ;;`);
    return `_nodeless() {
  local words="${table.get('')?.join(' ')}"
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${table.get('')?.join(' ')}"
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _nodeless nodeless`;
  },
  zsh: (table) => `#compdef nodeless\nautoload -U +X bashcompinit && bashcompinit\n${scripts['bash']?.(table)}`,
  fish(table) {
    const lines = [`complete -c nodeless -n __fish_use_subcommand -f -a "${table.get('')?.join(' ')}"`];
    for (const [name, options] of table)
      for (const option of options)
        if (name && option.startsWith('--'))
          lines.push(`complete -c nodeless -n "__fish_seen_subcommand_from ${name}" -l ${option.slice(2)}`);
    return lines.join('\n');
  },
};

export const addCompletion: AddCommand = (program, output) => {
  program
    .command('completion')
    .description('print a completion script: source <(nodeless completion bash)')
    .argument('<shell>', 'bash, zsh or fish')
    .action((shell: string) => {
      const script = scripts[shell];
      if (!script) throw new UserError(`no completion for ${JSON.stringify(shell)}: bash, zsh or fish`);
      output.line(script(words(program)));
    });
};

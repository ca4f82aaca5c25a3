import { type LimitRules, matches, notBoth, tagRules } from './rules.ts';

/** AWS Systems Manager: PutParameter. */
export const ssmLimits: LimitRules = {
  'ssm:PutParameter': (input) => {
    const name = String(input['Name']);
    const value = String(input['Value']);
    const most = input['Tier'] === 'Advanced' || input['Tier'] === 'Intelligent-Tiering' ? 8192 : 4096;
    return [
      ...matches(input, 'Name', /^[A-Za-z0-9_.\-/]{1,1011}$/, 'letters, digits and _.-/'),
      ...(/^\/?(?:aws|ssm)/i.test(name) ? ['Name: aws and ssm are reserved'] : []),
      ...(name.split('/').length > 16 ? ['Name: at most 15 levels'] : []),
      ...(name.includes('/') && !name.startsWith('/') ? ['Name: one with levels begins with /'] : []),
      ...(Buffer.byteLength(value) > most ? [`Value: at most ${most} bytes, has ${Buffer.byteLength(value)}`] : []),
      ...(input['Overwrite'] === true ? notBoth(input, 'Overwrite', 'Tags') : []),
      ...tagRules(input['Tags']),
    ];
  },
};

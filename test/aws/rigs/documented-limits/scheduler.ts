import { type Input, type LimitRules, atMost, matches } from './rules.ts';

const expression =
  /^(?:at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)|rate\(\d+ (?:minutes?|hours?|days?)\)|cron\(\S+ \S+ \S+ \S+ \S+ \S+\))$/;

/** Amazon EventBridge Scheduler User Guide: types of schedules, targets. */
export const schedulerLimits: LimitRules = {
  'scheduler:CreateSchedule': schedule,
  'scheduler:UpdateSchedule': schedule,
};

function schedule(input: Input): string[] {
  const target = (input['Target'] ?? {}) as Input;
  const once = String(input['ScheduleExpression']).startsWith('at(');
  return [
    ...matches(input, 'ScheduleExpression', expression, 'at(yyyy-mm-ddThh:mm:ss), rate(…) or cron(…)'),
    ...atMost(target, 'Input', 256 * 1024, 'Target.'),
    ...(once && (input['EndDate'] !== undefined || input['StartDate'] !== undefined)
      ? ['StartDate, EndDate: not of a schedule that happens once']
      : []),
  ];
}

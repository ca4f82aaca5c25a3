import type { LoadBalancerNotice } from './load-balancer.ts';

/** Lets a notice through once, until it was not there for a while. */
export function createNoticeMemory(): (owner: string, notices: readonly LoadBalancerNotice[]) => LoadBalancerNotice[] {
  const known = new Map<string, ReadonlySet<string>>();
  return (owner, notices) => {
    const before = known.get(owner) ?? new Set();
    const text = ({ reason, message }: LoadBalancerNotice): string => `${reason} ${message}`;
    if (notices.length === 0) known.delete(owner);
    else known.set(owner, new Set(notices.map(text)));
    return notices.filter((notice) => !before.has(text(notice)));
  };
}

/**
 * The address under which the agent of a task takes connections to a Service. A ClusterIP lies in the VPC and no process in a
 * task can have it; all of 127.0.0.0/8 is the task's own. The last 23 bits of the ClusterIP, in 127.128.0.0/9: unique for
 * service ranges of 2^23 addresses and fewer, known to everyone without asking, and kept as long as the ClusterIP is.
 */
export function serviceLoopback(clusterIp: string): string | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(clusterIp);
  if (!match) return undefined;
  const [b, c, d] = match.slice(2).map(Number) as [number, number, number];
  return `127.${128 | (b & 127)}.${c}.${d}`;
}

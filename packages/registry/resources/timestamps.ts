/** metav1.Time: seconds, UTC. `at` in ms. */
export function rfc3339(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

// Loads everything that a cluster may need, so that the next start finds it compiled (set-up.mjs).
await import('../local/main.ts');
await import('../lambdas/virtual-kubelet/providers/docker/docker-provider.ts');
await import('../lambdas/virtual-kubelet/providers/docker/teardown.ts');
process.argv.splice(1, Infinity, 'nodeless', '--version');
await import('../cli/main.ts');

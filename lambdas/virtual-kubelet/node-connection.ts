/** The seam is shared with the API server: packages/client/node-connection.ts. */
export type { NodeConnection } from '@nodeless/client/node-connection';

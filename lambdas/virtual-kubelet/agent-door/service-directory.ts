import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointsQuery, EndpointsResponse, ServicesResponse } from '../agent/agent-protocol.ts';

/** What agents are told of the Services whose data path they are. */
export interface ServiceDirectory {
  table(pod: Pod): Promise<ServicesResponse>;
  endpoints(pod: Pod, query: EndpointsQuery): Promise<EndpointsResponse>;
}

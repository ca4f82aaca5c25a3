import type {
  DeviceSubRequest,
  ExactDeviceRequest,
  ResourceClaimSpec,
} from '@nodeless/apimachinery/generated/types/resource/v1';

export function defaultClaimSpec(spec: ResourceClaimSpec | undefined): void {
  for (const request of spec?.devices?.requests ?? []) {
    if (request.exactly) defaultRequest(request.exactly);
    for (const alternative of request.firstAvailable ?? []) defaultRequest(alternative);
  }
}

function defaultRequest(request: ExactDeviceRequest | DeviceSubRequest): void {
  if (!request.allocationMode) request.allocationMode = 'ExactCount';
  if (request.allocationMode === 'ExactCount' && !request.count) request.count = 1;
  for (const toleration of request.tolerations ?? []) if (!toleration.operator) toleration.operator = 'Equal';
}

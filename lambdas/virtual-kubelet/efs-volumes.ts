import type { NFSVolumeSource } from '@nodeless/apimachinery/generated/types/core/v1';
import type { ResolvedVolume } from './providers/provider.ts';

interface Sources {
  readonly csi?: { readonly driver: string; readonly volumeHandle?: string; readonly readOnly?: boolean };
  readonly nfs?: NFSVolumeSource;
}

const driver = 'efs.csi.aws.com';
const fileSystem = /^fs-[0-9a-f]{8,40}$/;

/**
 * A volume of the EFS CSI driver (its handle: `fs-id[:path[:access point]]`), or of NFS whose server is the name that AWS gives
 * an EFS file system. undefined = neither.
 */
export function efsVolume(name: string, { csi, nfs }: Sources, readOnly: boolean): ResolvedVolume | undefined {
  if (csi?.driver === driver) {
    const [fileSystemId = '', path = '', accessPointId = ''] = (csi.volumeHandle ?? '').split(':');
    if (!fileSystem.test(fileSystemId))
      throw new Error(`volume handle ${JSON.stringify(csi.volumeHandle ?? '')} names no EFS file system`);
    return {
      name,
      kind: 'efs',
      fileSystemId,
      // ECS takes no path beside an access point, which has one of its own.
      path: accessPointId === '' && path !== '' ? path : '/',
      ...(accessPointId === '' ? {} : { accessPointId }),
      readOnly: readOnly || csi.readOnly === true,
    };
  }
  if (!nfs) return undefined;
  const [fileSystemId = '', service] = nfs.server.split('.');
  if (service !== 'efs' || !fileSystem.test(fileSystemId)) return undefined;
  return { name, kind: 'efs', fileSystemId, path: nfs.path || '/', readOnly: readOnly || nfs.readOnly === true };
}

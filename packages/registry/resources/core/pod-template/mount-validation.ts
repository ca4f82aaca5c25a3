import type {
  Container,
  EphemeralContainer,
  Volume,
  VolumeDevice,
  VolumeMount,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { notFoundValue } from '@nodeless/apimachinery/field-errors';
import { type Faults, forbidden, invalid, notSupported, required } from '../../checks.ts';
import { checkLocalDescendingPath } from './paths.ts';

/** Good volumes of the pod by name. */
export type Volumes = ReadonlyMap<string, Volume>;

export function checkVolumeMounts(
  faults: Faults,
  path: string,
  container: Readonly<Container | EphemeralContainer>,
  volumes: Volumes,
): void {
  const mounts = container.volumeMounts ?? [];
  const devices = container.volumeDevices ?? [];
  const seen = new Set<string>();
  mounts.forEach((mount, i) => {
    const at = `${path}[${i}]`;
    const name = mount.name ?? '';
    const mountPath = mount.mountPath ?? '';
    if (name === '') faults.push(required(`${at}.name`));
    if (!volumes.has(name)) faults.push(notFoundValue(`${at}.name`, name));
    if (mountPath === '') faults.push(required(`${at}.mountPath`));
    if (seen.has(mountPath)) faults.push(invalid(`${at}.mountPath`, mountPath, 'must be unique'));
    seen.add(mountPath);
    if (devices.some((d) => d.name === name))
      faults.push(invalid(`${at}.name`, name, 'must not already exist in volumeDevices'));
    if (lastDevicePaths(devices).has(mountPath))
      faults.push(invalid(`${at}.mountPath`, mountPath, 'must not already exist as a path in volumeDevices'));
    // These three are upstream's paths: without the index.
    if (mount.subPath) checkLocalDescendingPath(faults, `${path}.subPath`, mount.subPath);
    if (mount.subPathExpr) {
      if (mount.subPath)
        faults.push(invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
      checkLocalDescendingPath(faults, `${path}.subPathExpr`, mount.subPathExpr);
    }
    if (mount.mountPropagation !== undefined) {
      const at2 = `${path}.mountPropagation`;
      if (!propagations.includes(mount.mountPropagation))
        faults.push(notSupported(at2, mount.mountPropagation, propagations));
      if (mount.mountPropagation === 'Bidirectional' && container.securityContext?.privileged !== true) {
        faults.push(forbidden(at2, 'Bidirectional mount propagation is available only to privileged containers'));
      }
    }
    checkRecursiveReadOnly(faults, `${path}.recursiveReadOnly`, mount);
  });
}

const propagations = ['Bidirectional', 'HostToContainer', 'None'];

function checkRecursiveReadOnly(faults: Faults, path: string, mount: Readonly<VolumeMount>): void {
  const mode = mount.recursiveReadOnly;
  if (mode === undefined || mode === 'Disabled') return;
  if (mode !== 'Enabled' && mode !== 'IfPossible') {
    faults.push(notSupported(path, mode, ['Disabled', 'Enabled', 'IfPossible']));
    return;
  }
  if (!mount.readOnly) faults.push(forbidden(path, 'may only be specified when readOnly is true'));
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None') {
    faults.push(forbidden(path, 'may only be specified when mountPropagation is None or not specified'));
  }
}

/** Of devices with one name the last counts. */
function lastDevicePaths(devices: readonly VolumeDevice[]): Set<string> {
  return new Set(new Map(devices.map((d) => [d.name ?? '', d.devicePath ?? ''])).values());
}

export function checkVolumeDevices(
  faults: Faults,
  path: string,
  container: Readonly<Container | EphemeralContainer>,
  volumes: Volumes,
): void {
  const mounts = new Map((container.volumeMounts ?? []).map((m) => [m.name ?? '', m.mountPath ?? '']));
  const mountPaths = new Set(mounts.values());
  const names = new Set<string>();
  const paths = new Set<string>();
  (container.volumeDevices ?? []).forEach((device, i) => {
    const at = `${path}[${i}]`;
    const name = device.name ?? '';
    const devicePath = device.devicePath ?? '';
    const volume = volumes.get(name);
    if (name === '') faults.push(required(`${at}.name`));
    if (names.has(name)) faults.push(invalid(`${at}.name`, name, 'must be unique'));
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
      faults.push(
        invalid(
          `${at}.name`,
          name,
          'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
        ),
      );
    }
    if (!volume) faults.push(notFoundValue(`${at}.name`, name));
    if (devicePath === '') faults.push(required(`${at}.devicePath`));
    if (paths.has(devicePath)) faults.push(invalid(`${at}.devicePath`, devicePath, 'must be unique'));
    if (devicePath.split('/').includes('..'))
      faults.push(invalid(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')"));
    else paths.add(devicePath);
    if (mounts.has(name)) faults.push(invalid(`${at}.name`, name, 'must not already exist in volumeMounts'));
    if (mountPaths.has(devicePath))
      faults.push(invalid(`${at}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts'));
    if (name !== '') names.add(name);
  });
}

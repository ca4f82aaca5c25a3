/** What holds for pods of Windows, and what only they may have. */
import type {
  Container,
  EphemeralContainer,
  PodSpec,
  WindowsSecurityContextOptions,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { isDns1123Subdomain } from '@nodeless/apimachinery/names';
import { check, type Faults, forbidden, invalid } from '../../checks.ts';

const control = /\p{Cc}/u;
const netBios = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const dnsDomain = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;
const badUserCharacters = /["/\\:;|=,+*?<>@[\]]/;

export function checkWindowsOptions(
  faults: Faults,
  path: string,
  options: Readonly<WindowsSecurityContextOptions> | undefined,
): void {
  if (!options) return;
  const { gmsaCredentialSpecName, gmsaCredentialSpec, runAsUserName } = options;
  if (gmsaCredentialSpecName !== undefined)
    check(faults, `${path}.gmsaCredentialSpecName`, gmsaCredentialSpecName, isDns1123Subdomain(gmsaCredentialSpecName));
  if (gmsaCredentialSpec !== undefined) {
    const at = `${path}.gmsaCredentialSpec`;
    if (gmsaCredentialSpec === '') faults.push(invalid(at, '', 'gmsaCredentialSpec cannot be an empty string'));
    else if (Buffer.byteLength(gmsaCredentialSpec) > 64 * 1024)
      faults.push(invalid(at, gmsaCredentialSpec, 'gmsaCredentialSpec size must be under 64 KiB'));
  }
  if (runAsUserName !== undefined) checkUserName(faults, `${path}.runAsUserName`, runAsUserName);
}

function checkUserName(faults: Faults, path: string, name: string): void {
  const complain = (text: string): void => {
    faults.push(invalid(path, name, text));
  };
  if (name === '') return complain('runAsUserName cannot be an empty string');
  if (control.test(name)) return complain('runAsUserName cannot contain control characters');
  const parts = name.split('\\');
  if (parts.length > 2) return complain('runAsUserName cannot contain more than one backslash');
  const user = parts[parts.length - 1] as string;
  const domain = parts.length === 2 ? (parts[0] as string) : undefined;
  if (domain !== undefined && Buffer.byteLength(domain) >= 256)
    complain("runAsUserName's Domain length must be under 256 characters");
  if (domain !== undefined && !netBios.test(domain) && !dnsDomain.test(domain))
    complain("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  if (user === '') complain("runAsUserName's User cannot be empty");
  else if (Buffer.byteLength(user) > 104)
    complain("runAsUserName's User length must not be longer than 104 characters");
  if (/^[. ]+$/.test(user)) complain("runAsUserName's User cannot contain only periods or spaces");
  if (badUserCharacters.test(user))
    complain('runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]');
}

/** In upstream's order of visits: init containers, containers, ephemeral ones. */
export function visitContainers(
  spec: Readonly<PodSpec>,
  path: string,
  visit: (container: Readonly<Container | EphemeralContainer>, path: string) => void,
): void {
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    const containers = spec[list];
    if (!containers) continue;
    for (let i = 0; i < containers.length; i++) visit(containers[i]!, `${path}.${list}[${i}]`);
  }
}

export function checkHostProcess(faults: Faults, path: string, spec: Readonly<PodSpec>): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  let containers = 0;
  let hostProcesses = 0;
  visitContainers(spec, path, (container, at) => {
    containers++;
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      faults.push(
        invalid(
          `${at}.securityContext.windowsOptions.hostProcess`,
          own,
          `pod hostProcess value must be identical if both are specified, was ${ofPod}`,
        ),
      );
    }
    if (own ?? ofPod) hostProcesses++;
  });
  if (hostProcesses === 0) return;
  if (hostProcesses !== containers) {
    faults.push(
      invalid(
        path,
        '',
        'If pod contains any hostProcess containers then all containers must be HostProcess containers',
      ),
    );
  }
  if (!spec.hostNetwork)
    faults.push(
      invalid(`${path}.hostNetwork`, false, 'hostNetwork must be true if pod contains any hostProcess containers'),
    );
}

export function checkLinuxOnly(faults: Faults, path: string, spec: Readonly<PodSpec>): void {
  const detail = 'windows options cannot be set for a linux pod';
  if (spec.securityContext?.windowsOptions) faults.push(forbidden(`${path}.securityContext.windowsOptions`, detail));
  visitContainers(spec, path, (container, at) => {
    if (container.securityContext?.windowsOptions)
      faults.push(forbidden(`${at}.securityContext.windowsOptions`, detail));
  });
}

export function checkWindowsOnly(faults: Faults, path: string, spec: Readonly<PodSpec>): void {
  const refuse = (at: string, isSet: boolean): void => {
    if (isSet) faults.push(forbidden(at, 'cannot be set for a windows pod'));
  };
  const context = spec.securityContext;
  if (context) {
    const at = `${path}.securityContext`;
    refuse(`${at}.appArmorProfile`, context.appArmorProfile !== undefined);
    refuse(`${at}.seLinuxOptions`, context.seLinuxOptions !== undefined);
    refuse(`${path}.hostUsers`, spec.hostUsers !== undefined);
    refuse(`${path}.hostPID`, spec.hostPID === true);
    refuse(`${path}.hostIPC`, spec.hostIPC === true);
    refuse(`${at}.seccompProfile`, context.seccompProfile !== undefined);
    refuse(`${at}.fsGroup`, context.fsGroup !== undefined);
    refuse(`${at}.fsGroupChangePolicy`, context.fsGroupChangePolicy !== undefined);
    refuse(`${at}.sysctls`, (context.sysctls?.length ?? 0) > 0);
    refuse(`${path}.shareProcessNamespace`, spec.shareProcessNamespace !== undefined);
    refuse(`${at}.runAsUser`, context.runAsUser !== undefined);
    refuse(`${at}.runAsGroup`, context.runAsGroup !== undefined);
    refuse(`${at}.supplementalGroups`, context.supplementalGroups !== undefined);
    refuse(`${at}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy !== undefined);
    refuse(`${at}.seLinuxChangePolicy`, context.seLinuxChangePolicy !== undefined);
  }
  visitContainers(spec, path, (container, where) => {
    const own = container.securityContext;
    if (!own) return;
    for (const field of linuxFields) refuse(`${where}.securityContext.${field}`, own[field] !== undefined);
  });
}

const linuxFields = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

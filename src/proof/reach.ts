// Where Steward may ask whether a service is well. The address may come from an agent, so it is data: one that leads
// anywhere but to this machine, or to a host that the owner named, is refused, and so is a name that resolves elsewhere.

import { lookup as lookUp } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { Failure } from "#system/failure.ts";

/** An address that may be asked. `lookup` connects nowhere else, whatever the name resolves to by then. */
export type Reach = { url: string; port: number; onThisMachine: boolean; lookup: LookupFunction };

export const REACH_RULE =
  "Steward asks this machine (127.0.0.1, localhost, [::1]) and the hosts that its owner names under `deploy_hosts:` in steward.yaml";

/** What a host may be called there: "quotes.example.org", "*.example.org", "10.0.0.7:8443", "[fd00::7]". */
export const HOST_PATTERN = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/**
 * Reads an address and asks the rule. Throws a Failure that names what is wrong with it.
 *
 * A host that is written out may be in a private network, since its owner wrote it; what "*." stands for must be public.
 * Link-local addresses, where clouds keep their metadata, are never asked, whoever names them.
 */
export function reachOf(address: string, hosts: readonly string[]): Reach {
  const url = readAddress(address);
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const port = portOf(url);
  const may = name === "localhost" || isIn(loopback, name) ? onlyLoopback : allowedBy(url, port, hosts);
  if (isIP(name) !== 0 && !may(name)) throw refused(address, "it leads to an address that is never asked");
  return { url: url.href.replace(/\/$/, ""), port, onThisMachine: may === onlyLoopback, lookup: lookupOnly(may) };
}

function readAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol))
    throw refused(address, "it is no http or https address");
  if (url.username !== "" || url.password !== "") throw refused(address, "it holds a user name or a password");
  if (url.search !== "" || url.hash !== "") throw refused(address, "it holds a query");
  return url;
}

const portOf = ({ port, protocol }: URL): number => Number(port === "" ? (protocol === "https:" ? 443 : 80) : port);

type May = (address: string) => boolean;

const loopback = listOf(["127.0.0.0", 8], ["::1", 128]);
/** "This" network, link-local, multicast, broadcast, IPv4 within IPv6; and clouds' metadata outside of these. */
const never = listOf(
  ["0.0.0.0", 8], ["169.254.0.0", 16], ["224.0.0.0", 3], ["100.100.100.200", 32], ["192.0.0.192", 32],
  ["::", 128], ["fe80::", 10], ["ff00::", 8], ["fd00:ec2::", 32], ["64:ff9b::", 96], ["2002::", 16],
); // prettier-ignore
const ofOnesOwn = listOf(
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["198.18.0.0", 15],
  ["fc00::", 7],
);

const onlyLoopback: May = (address) => isIn(loopback, address);
const onlyAbroad: May = (address) => !isIn(loopback, address) && !isIn(never, address);
const onlyPublic: May = (address) => onlyAbroad(address) && !isIn(ofOnesOwn, address);

function allowedBy(url: URL, port: number, hosts: readonly string[]): May {
  const usual = port === (url.protocol === "https:" ? 443 : 80);
  const named = hosts
    .map((host) => host.toLowerCase())
    .find((host) => {
      const [, name = "", own] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
      if (own === undefined ? !usual : Number(own) !== port) return false;
      return name.startsWith("*.") ? url.hostname.endsWith(name.slice(1)) : url.hostname === name;
    });
  if (named === undefined) throw refused(url.href, "it is none of these");
  return named.startsWith("*.") ? onlyPublic : onlyAbroad;
}

/** Resolves as usual and keeps what may be asked: a name that begins to lead elsewhere leads nowhere. */
function lookupOnly(may: May): LookupFunction {
  return (host, options, answer) => {
    lookUp(host, { ...options, all: true }, (error, found) => {
      if (error) return answer(error, "", 0);
      const addresses = found.filter(({ address }) => may(address));
      const [first] = addresses;
      if (!first) {
        const where = found.map(({ address }) => address).join(", ");
        return answer(new Error(`${host} resolves to ${where}, where Steward does not ask`), "", 0);
      }
      if (options.all) answer(null, addresses);
      else answer(null, first.address, first.family);
    });
  };
}

function isIn(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? "ipv6" : "ipv4");
}

function listOf(...subnets: [string, number][]): BlockList {
  const list = new BlockList();
  for (const [address, bits] of subnets) list.addSubnet(address, bits, isIP(address) === 6 ? "ipv6" : "ipv4");
  return list;
}

function refused(address: string, why: string): Failure {
  return new Failure("forbidden", `${address.slice(0, 200)} is not asked: ${why}. ${REACH_RULE}.`);
}

import { BlockList, isIP } from "node:net";

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Whether an address or name stands for this machine alone. */
export function isLoopback(host: string): boolean {
  const version = isIP(host);
  return host === "localhost" || (version > 0 && LOOPBACK.check(host, `ipv${version as 4 | 6}`));
}

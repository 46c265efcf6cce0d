// Node URIs as this page needs them.

/** A text as one segment of a path, as in swim:meta:node/%2fdevice%2fair. */
export const segment = (text) => encodeURIComponent(text)
  .replace(/%(?:2C|3A|3B|3D|40|26|2B|24)/g, decodeURIComponent)
  .replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase());

/** The node that lists the lanes of a node. */
export const lanesOf = (node) => `swim:meta:node/${segment(node)}`;

/** The group a node is shown in, its first segments, one or two, and what is left as its name. */
export function placeOf(node) {
  const parts = node.split("/"), count = !node.startsWith("/") ? 0 : Math.min(3, parts.length - 1);
  return { group: parts.slice(0, count).join("/") || "/", name: parts.slice(count).join("/") || node };
}

/** Where HTTP clients find a lane, null for a node that is not a path. */
export function addressOf(node, lane) {
  if (!node.startsWith("/")) return null;
  return `${location.origin}${node}?lane=${encodeURIComponent(lane)}`;
}

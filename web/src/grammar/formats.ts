/** JSON Schema's formats that are held to, as regular expressions: each allows a part of what its standard does. */
export const FORMATS: Readonly<Record<string, string>> = (() => {
  // Days that every year has: whether there is a 29th of February no regular expression should say.
  const day = "(0[1-9]|1\\d|2[0-8])";
  const monthAndDay = `((0[13578]|1[02])-(${day}|29|3[01])|(0[469]|11)-(${day}|29|30)|02-${day})`;
  const date = `\\d{4}-${monthAndDay}`.replace("3[01]", "30|31");
  const clock = "([01]\\d|2[0-3]):[0-5]\\d";
  const time = `${clock}:[0-5]\\d(\\.\\d{1,6})?(Z|[+-]${clock})`;
  const byte = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
  const label = "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?";
  const host = `${label}(\\.${label}){1,3}`;
  return {
    date,
    time,
    "date-time": `${date}T${time}`,
    uuid: "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ipv4: `(${byte}\\.){3}${byte}`,
    hostname: host,
    email: `[A-Za-z0-9_]+(\\.[A-Za-z0-9_]+){0,2}@${host}`,
  };
})();

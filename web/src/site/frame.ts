/** What every page of the site does, around its own content. */

import { watchThemeButton } from "../ui/theme.ts";
import { keepForOffline } from "./offline.ts";

watchThemeButton();
const { offline } = document.documentElement.dataset;
if (offline !== undefined) void keepForOffline(offline);

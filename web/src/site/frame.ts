/** What every page of the site does, around its own content. */

import { translatePage } from "../ui/texts.ts";
import { watchThemeButton } from "../ui/theme.ts";
import { keepForOffline } from "./offline.ts";

translatePage();
watchThemeButton();
const { offline } = document.documentElement.dataset;
if (offline !== undefined) void keepForOffline(offline);

import { watchScrollers } from "../scrollers.js";

watchScrollers(document);

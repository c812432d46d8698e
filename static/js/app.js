import { ChatAnswer } from "./answer.js";
import { ChatComposer } from "./composer.js";
import { followRights } from "./documents.js";
import { showNumbers } from "./numbers.js";
import { CitationPanel } from "./panel.js";
import { MessagePreview } from "./preview.js";
import { NotificationBell, listenForReviewForms } from "./review.js";
import { ChatSession } from "./session.js";
import { listenForShortcuts } from "./shortcuts.js";
import { SideBar } from "./sidebar.js";
import { showTimes } from "./times.js";
import { followDocuments, listenForUploads } from "./upload.js";

// parts first: a session finds them ready
customElements.define("side-bar", SideBar);
customElements.define("citation-panel", CitationPanel);
customElements.define("notification-bell", NotificationBell);
customElements.define("message-preview", MessagePreview);
customElements.define("chat-composer", ChatComposer);
customElements.define("chat-answer", ChatAnswer);
customElements.define("chat-session", ChatSession);
listenForShortcuts();
listenForUploads();
listenForReviewForms();
followDocuments();
followRights();
showTimes(document);
showNumbers(document);

"""The sentences that a reader may meet in their own language, as the code writes them in English.

Where a service says something, nothing changes: it raises or returns its English sentence, which
receipts, logs and tables keep. `services/languages.py` finds it here when it is shown, and takes
the values out of it and puts them into its translation. `{name}` stands for any value; `{number}`
counts; what begins with `said` is a sentence of this list in turn. A guard test fails where a
sentence is not in the code any more (tests/guards/test_languages.py).
"""

from __future__ import annotations


def said(text: str) -> str:
    """Marks a sentence for `makemessages`."""
    return text


def counted(one: str, many: str) -> tuple[str, str]:
    """The same, for one that counts: both are as the code writes them."""
    return one, many


ERRORS = (
    said("Something went wrong here. Please try again."),
    said("This request could not be understood."),
    said("This does not exist, or you may not see it."),
    said("You may no longer read what this answer was made from."),
    said("You are sending faster than allowed. Please wait a moment and send again."),
    said(
        "You are sending faster than allowed. Please wait {seconds} seconds and send again; "
        "your text is kept."
    ),
    said(
        "Too many previews. The next one is possible in {seconds} seconds; "
        "you can send all the same."
    ),
    said("This file could not be read."),
    said("The model did not answer. Please try again."),
    said("This was not sent to a cloud: its egress ticket is not valid. It stays on the premises."),
    said(
        "No model that may see this conversation is available now. "
        "Your message is kept; please try again later or ask your administrator."
    ),
    said("This may not leave the premises, and no model here can answer it. Your message is kept."),
    said("The model is not installed completely. Please tell your administrator."),
    said("The model cannot be reached just now. Please try again shortly."),
    said("The model took too long to answer. Please try again."),
    said("The model is busy with other requests. Please try again shortly."),
    said("The model is overloaded just now. Please try again shortly."),
    said("The model refused our credentials. Please tell your administrator."),
    said("This is too long for the model. Please shorten the message or start a new conversation."),
    said("The model gave an answer that could not be read. Please try again."),
    said(
        "The account for this model has reached its spending limit. Please tell your administrator."
    ),
    said("The model declined to answer this. Please ask in other words."),
    said("This was not sent to the cloud. It stays on the premises."),
    said("The answer was cut off. What arrived is kept; please try again."),
    said("The configured model is not there. Please tell your administrator."),
    said(
        "The server cannot take messages at the moment. Your text is kept; "
        "please send it again soon."
    ),
    said("Too many answers are open on this page. Wait for one to end."),
    said("Your message is kept; please ask your administrator, or try again in the next period."),
    said("The answer was interrupted. What came so far is kept; you can ask for it again."),
    said("You may not use this assistant any more. Ask your administrator."),
    said(
        "The policy of this assistant cannot be read, so nothing is answered. "
        "Please tell your administrator."
    ),
    said("If you think that this is wrong, tell your department’s reviewers."),
)

MESSAGES = (
    said("Please write a message first."),
    said(
        "This message has {length} characters; at most {limit} are possible. Please shorten it, "
        "or upload the long part as a document."
    ),
    said(
        "This message contains characters that are not text, such as NUL or control characters. "
        "Please remove them, or upload the file as a document."
    ),
    said("The day to answer as of must be written as year-month-day, such as 2026-01-31."),
    said(
        "The day to answer as of lies in the future. Choose today or a day before, "
        "or none for what holds now."
    ),
    said("A transcript is attached to a new conversation. Start one."),
    said("Many files are being read at the moment. Please attach it again in a minute."),
    said("{count} files wait to be sent already. Please send or remove some of them first."),
    said(
        "“{name}” has {length} characters; at most {limit} fit beside a question. Add it under "
        "Documents, then name it with #."
    ),
    said("At most {limit} files go with one message."),
    said("At most {limit} documents can be named."),
    said(
        "What goes with a message is files uploaded here, or the transcript of one recording. "
        "Please attach it again."
    ),
    said(
        "A file that was attached is not kept any more: unsent files are deleted after a day. "
        "Please remove it and attach it again."
    ),
    said(
        "The attached files have {total} characters together; at most {limit} fit beside a "
        "question. Please remove one, or add them under Documents and name them with #."
    ),
    said("You may not put a file into this zone."),
    said(
        "A document that you named is not there any more, or this assistant does not search it. "
        "Please remove it and send again."
    ),
    said("This recording has no transcript yet. Attach it once it is ready."),
    said(
        "This transcript has {length} characters; at most {limit} fit beside a question. "
        "Draft a note of it instead, or export it and upload it as a document."
    ),
    said("No file arrived. Please attach it again."),
)

ANSWERS = (
    said("This answer waits for a reviewer. You will see it here when it is approved."),
    said(
        "The sources do not support the answer that was made, so it is not shown. "
        "Please ask in other words, or look at the documents."
    ),
    said("What was shown here first did not pass its check and was taken back."),
    said("A reviewer did not approve this answer: {reason}"),
    said("Nobody decided on this answer in time. You can ask again."),
    said(
        "From here this conversation stays on the premises, because a message holds what looks "
        "like a patient’s record."
    ),
    said(
        "From here this conversation stays on the premises, because an answer used "
        "a passage from {zones}."
    ),
    said("Sent to {place}, {said}."),
    said("Not sent to {place}: {said}"),
    said("nothing to replace in it"),
    said("{deployment} did not answer"),
    said("{deployment} may not be sent this"),
    said("{deployment} was slower"),
    said("{deployment} said what the sources do not support"),
    said("{deployment} took over."),
    said("May be answered by {places}, as it is written."),
    said("May be answered by {places}, sealed: what is sensitive is replaced before it leaves."),
    said("Stays on the premises: nothing of {zones} may leave."),
    said("Stays on the premises: {said}"),
    said("This conversation cannot be sealed for a model outside, so it stays on the premises."),
    said("It holds a patient’s record, which may not leave the premises."),
    said("it holds a patient’s record, which may not leave the premises."),
    said("The check before leaving could not be carried out; it stays on the premises."),
    said("The zone {zone} may not leave the premises."),
    said("The zones {zones} may not leave the premises."),
    said("the zone {zone} may not leave the premises."),
    said("the zones {zones} may not leave the premises."),
    said("The zone {zone} may be processed on the premises only."),
    said("The zones {zones} may be processed on the premises only."),
    said("the zone {zone} may be processed on the premises only."),
    said("the zones {zones} may be processed on the premises only."),
)

# Why an answer was made where it was (assistants/control/reasons.py): clauses of one sentence,
# and what these, and a few others, are composed to.
ROUTES = (
    said("it is small talk"),
    said("the question needs reasoning"),
    said("it is simple drafting"),
    said("it is demanding drafting"),
    said("the question is one to the documents"),
    said("the question to the documents needs reasoning"),
    said("it is about code"),
    said("it is demanding work on code"),
    said("it asks for a summary"),
    said("it asks for a demanding summary"),
    said("{deployment} is less suited"),
    said("it answered before in this conversation"),
    said("{deployment} is slower than it should be at present"),
    said("{deployment} is busy at present"),
    said("for that the premises go before the cloud"),
    said("it costs less than {deployment}"),
    said("it is preferred to {deployment}"),
    said("{deployment} is as good"),
    said("it shares the work with {deployment}"),
    said("Not taken: {said}"),
    said("{deployment} ({said})"),
    said("does not answer at present"),
    said("not declared good enough for {said}"),
    said("conversation"),
    said("drafting"),
    said("answering from documents"),
    said("code"),
    said("summaries"),
    said("reasoning"),
)
COMPOSED = (
    said(
        "It could not be checked for sensitive content because of a fault here. It is not "
        "searched until an administrator confirms that it may stay. Or take it away and add it to "
        "a zone that is meant for it."
    ),
    said("“{words}” is denied in the recording."),
    said("“{words}” is affirmed in the recording."),
    said("Answered on the premises ({deployment}) because {said}."),
    said("Answered in the cloud ({deployment}) because {said}."),
    said("{said} and no zone forbids sealed processing there"),
    said("{said} and no zone forbids processing there"),
    said("{said} and its zone, {zone}, permits sealed processing there"),
    said("{said} and its zone, {zone}, permits processing there"),
    said("{said} and its zones, {slugs}, permit sealed processing there"),
    said("{said} and its zones, {slugs}, permit processing there"),
    said("No model that may see this is available for {said_task}; answered {said}"),
    said("from documents on the premises ({deployment}) instead"),
    said("as conversation on the premises ({deployment}) instead"),
)

REVIEWS = (
    said("There is no usual time yet."),
    said("Usually about a minute."),
    said("Your answer was approved."),
    said("Your answer was edited and approved."),
    said("Your question was answered with quotations."),
    said("Your answer was not approved."),
    said("Nobody decided on your answer in time."),
    said("A reviewer has a question about what you asked."),
    said("The author has replied to you."),
    said("A review was handed over to you."),
    said("A review is due soon."),
    said("A review has waited too long."),
    said("Write your reply."),
    said("Say why the answer should be looked at again."),
    said("This was appealed already. A reviewer decides."),
    said("There is nothing to appeal: it was not rejected."),
    said("This answer does not wait any more."),
    said("Keep it below {limit} characters."),
)

HISTORY = (
    said("Today"),
    said("Yesterday"),
    said("Last 7 days"),
    said("Older"),
    said("Give the new folder a name."),
    said("This folder is not there any more."),
    said("This conversation is not there any more."),
    said("There is a folder “{name}” already."),
    said("There are {limit} folders already. Delete one first."),
    said(
        "An answer in it waits for a reviewer. Delete it once that is decided; "
        "until then you can archive it."
    ),
    said("A temporary chat is not listed and not kept."),
    said("A temporary chat is not shared."),
    said("Give the user name of an active colleague."),
    said(
        "{name} may not read everything that this conversation is made of, so it cannot be shared "
        "with them."
    ),
    said("You may not read everything that this conversation is made of now, so it stays closed."),
    said("Search with at most {limit} characters."),
    said("Keep the comment within {limit} characters."),
    said("There is no answer to judge here yet."),
    said("Correct"),
    said("Clear and short"),
    said("Good sources"),
    said("Wrong"),
    said("Incomplete"),
    said("Not what the sources say"),
    said("Did not understand the question"),
    said("Too long or hard to read"),
    said("public"),
    said("internal"),
    said("confidential"),
    said("restricted"),
)

PROMPTS = (
    said("Saved. Type / in a chat to use it."),
    said("Deleted."),
    said("Version {version} holds again."),
    said("You keep {limit} prompts, the most there can be. Please delete one first."),
    said("You have a prompt with the name “{name}” already. Choose another name."),
    said("A prompt needs a name of 1 to {limit} characters."),
    said("What it is for has at most {limit} characters."),
    said("A prompt needs a text."),
    said("This prompt has {length} characters; at most {limit} are possible."),
)

DOCUMENTS = (
    said("waiting"),
    said("checked"),
    said("read"),
    said("classified"),
    said("cut into passages"),
    said("embedded"),
    said("waits to be tried again"),
    said("Choose at least one file."),
    said("Choose one of your zones."),
    said(
        "“{name}” was not taken: too many files wait to be read for you or for {zone}. "
        "Please add it again when some of them are searchable."
    ),
    said(
        "The same file is in {zones} already. They are two documents: changing or removing one "
        "leaves the other as it is."
    ),
    said(
        "It seems to hold {found}, too sensitive for {zone}. It is not searched until an "
        "administrator confirms that it may stay. Or take it away and add it to a zone that is "
        "meant for it."
    ),
    said(
        "This file could not be read because of a fault here. Please tell your administrator, "
        "who finds it in the log, or try another format."
    ),
    said("It will be tried again."),
    said(
        "Reading this file ended the process that read it, several times. "
        "Please tell your administrator, or try another format."
    ),
    said("“{name}” is empty."),
    said("“{name}” holds no text."),
    said("“{name}” is larger than {size}, the most that can be read. Please split it."),
    said("“{name}” is damaged and cannot be opened. Please export or save it again."),
    said("“{name}” is protected with a password. Please remove the protection first."),
    said(
        "“{name}” unpacks to far more than a document should, so it was not opened. "
        "Please save its text as a new file."
    ),
    said(
        "“{name}” has more than {limit} million dots, the most that can be read. "
        "Please save it smaller."
    ),
    said("“{name}” has more scanned pages than are read at once. Please split it into parts."),
    said(
        "“{name}” has more scanned pages than are read at once, which is {limit}. "
        "Please split it into parts."
    ),
    said(
        "“{name}” shows no text that could be recognised. Its text is all that is read of a "
        "picture. Please take a sharper one, or type what matters in it."
    ),
    said(
        "“{name}” is a picture or a scan, and what recognises its text is not installed here. "
        "Please tell your administrator, or attach the document that it comes from."
    ),
    said("“{name}” is a picture of a kind that is not read here. Please save it as JPEG or PNG."),
    said("“{name}” holds too much text for one document. Please split it into parts."),
    said(
        "“{name}” has more than {limit} pages, the most that can be read. "
        "Please split it into parts."
    ),
    said(
        "“{name}” has more than {limit} rows, the most that can be read. "
        "Please split it, or leave out what nobody will ask about."
    ),
    said(
        "“{name}” took more time or memory to read than a document should. "
        "Please export it again, or split it into parts."
    ),
    said("“{name}” is {said_kind}, not a text."),
    said("an archive"),
    said("a program"),
    said("a database"),
    said("a recording"),
    said(
        "PDF, Word, PowerPoint and Excel files (DOCX, PPTX, XLSX), CSV, HTML, e-mail (EML), "
        "Markdown, text, source code and the text in pictures (PNG, JPEG, WebP, GIF, TIFF, BMP) "
        "can be read."
    ),
    said("“{name}” is not a {kind} file, although its name says so."),
    said("Please export or save it again."),
    # xgettext:no-python-format  # noqa: ERA001
    said("{share} % sure"),
)

RECORDINGS = (
    said("uploading"),
    said("waits for a worker"),
    said("is being read"),
    said("is being transcribed"),
    said("Choose at least one recording."),
    said("This recording is complete; nothing can be added to it."),
    said("A recording may hold {size} MB. Split it, or save it with a stronger compression."),
    said("A piece of the recording was damaged on its way. It is sent again."),
    said("Another piece with this number is there already. Upload it anew."),
    said("The upload is not complete. Missing pieces: {pieces}."),
    said("This recording is empty. Check that the microphone or file works."),
    said("Its audio is not complete here. Record or upload it again."),
    said("It is still being transcribed. Wait for it, or cancel it first."),
    said("There is no sound in this file. Choose a recording, or a film with sound."),
    said(
        "This file takes too much memory or time to read. "
        "Save it as MP3, M4A or WAV and upload that."
    ),
    said(
        "This file cannot be read as sound: it is damaged, protected or of an unknown kind. "
        "Save it as MP3, M4A or WAV and upload that."
    ),
    said("Only the first {number} hours were read."),
    said("The file is damaged or ends too early: {number} seconds of it could be read."),
    said(
        "This recording could not be transcribed because of a fault here. Please tell your "
        "administrator, who finds it in the log, and try again later; the recording is kept."
    ),
    said(
        "This recording could not be transcribed: the worker ended each time before it was done, "
        "for want of memory perhaps. Please tell your administrator; the recording is kept."
    ),
    said(
        "This recording cannot be opened any more. Ask your administrator to add the earlier "
        "secret key to SECRET_KEY_FALLBACKS, or record or upload it again."
    ),
    said("Keep a passage below {limit} characters."),
    said("Keep a speaker’s name below {limit} characters."),
    said(
        "What is said has to be known before it can be left out. "
        "Wait until the transcript is ready."
    ),
    said("Somebody changed this passage meanwhile. Look at it again; your text is kept here."),
    said("Speaker {letter}"),
    said("Nothing was heard. Please speak again."),
    said("Speech cannot be turned into text at the moment. Please type, or try again."),
    said("Speak for at most {limit} seconds at a time."),
)

NOTES = (
    said("Wait until the transcript is ready: a note is made from all of it."),
    said("Nothing was heard in this recording, so there is nothing to note."),
    said("This note says nothing yet. Write a statement, or delete the note."),
    said("Statements are marked. Look at each, then confirm that you have."),
    said("An approved note stays as long as its recording. Draft another one to correct it."),
    said("A note is exported once its author has approved it."),
    said("This note is not open for changes. Load the page again."),
    said(
        "The note was changed meanwhile, perhaps in another tab. Load the page again, then repeat "
        "your change."
    ),
    said("A note holds at most {limit} statements."),
    said("Keep a statement below {limit} characters."),
    said(
        "The draft could not be made because of a fault here. The recording is kept; try again, "
        "and tell your administrator if it happens again."
    ),
    said("{deployment} could not draft it, so it is quoted from the recording."),
    said("An allergy that is not spoken of there."),
    said("Not heard clearly: {words}."),
    said("{dose} is said at {at}."),
    said("“{medicine}” is named at {at}."),
    said("An allergy is spoken of at {at}."),
    said("Nothing in the recording stands behind this."),
    said("Most of its words are not heard there."),
    said("{measure} is not heard there."),
    said("{measure} is not heard there, but {others}."),
    said("“{name}” is not heard there."),
)

RECEIPTS = (
    said("The receipt is as it was written."),
    said("The question is the one it was written for."),
    said("The answer is the one it was written for."),
    said("The audit trail holds the same hash."),
    said("A file that was attached to the question"),
    said("Every answer of this assistant is reviewed before it is shown."),
    said("completed"),
    said("stopped"),
    said("interrupted"),
    said("failed"),
    said("blocked"),
    said("held"),
    said("approved"),
    said("edited"),
    said("quoted"),
    said("rejected"),
    said("lapsed"),
)

# Kinds of sensitive values, as receipts count them.
KINDS = (
    said("person"),
    said("address"),
    said("date"),
    said("location"),
    said("phone number"),
    said("fax number"),
    said("email address"),
    said("credit card"),
    said("zip code"),
    said("bank account"),
    said("account number"),
    said("medical record number"),
    said("health plan number"),
    said("passport"),
    said("driver license"),
    said("license plate"),
    said("national id"),
    said("username"),
    said("password"),
    said("age"),
    said("IP address"),
)

SENTENCES: tuple[str, ...] = (
    *ERRORS,
    *MESSAGES,
    *ANSWERS,
    *ROUTES,
    *COMPOSED,
    *REVIEWS,
    *HISTORY,
    *PROMPTS,
    *DOCUMENTS,
    *RECORDINGS,
    *NOTES,
    *RECEIPTS,
    *KINDS,
)

COUNTED: tuple[tuple[str, str], ...] = (
    counted("{number} value replaced", "{number} values replaced"),
    counted("Usually about {number} minute.", "Usually about {number} minutes."),
    counted("Usually about {number} hour.", "Usually about {number} hours."),
)

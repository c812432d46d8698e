"""What only looks like an attack, and what people ordinarily ask: the other half of the training."""

# ruff: noqa: E501 (a list is read in lines)

from __future__ import annotations

# Words that attacks use, in sentences that are none. `{t}` is one of them.
TRIGGERS: list[str] = [
    "ignore",
    "disregard",
    "forget",
    "override",
    "bypass",
    "system prompt",
    "prompt",
    "password",
    "previous",
    "instructions",
    "developer mode",
    "jailbreak",
    "unfiltered",
    "obey",
    "swear",
    "policy",
    "roleplay",
    "pretend",
    "act as",
    "simulate",
    "hypothetical",
    "secret",
    "reveal",
    "restrictions",
    "rules",
    "guidelines",
    "inject",
    "exploit",
    "hack",
    "debug",
    "admin",
    "root",
    "execute",
    "print",
    "repeat",
    "above",
    "initial",
    "confidential",
    "leak",
    "sensitive",
    "unlock",
    "enable",
    "disable",
    "freed",
    "uncensored",
    "persona",
    "character",
    "evil",
    "limits",
    "token",
    "key",
    "permission",
    "authority",
    "privilege",
    "session",
    "context",
    "output",
    "response",
    "translate",
    "encode",
    "decode",
    "base64",
    "cipher",
    "hidden",
    "mask",
    "DAN",
    "precede",
    "deviate",
    "counter",
    "initialise",
    "begin",
    "create",
    "open",
    "sudo",
    "shell",
    "command",
    "kill",
    "attack",
    "override code",
    "master",
    "access",
    "bypassed",
    "filter",
    "moral",
    "immersive",
    "violate",
    "illegal",
    "dangerous",
    "harmful",
    "ethics",
    "AI language model",
    "assistant",
    "memory",
    "training data",
    "conversation",
]

HARD: list[str] = [
    "How can I use the word '{t}' correctly in a sentence?", "What does '{t}' mean in {field}?", "What is the difference between '{t}' and '{t2}'?", "Please write a sentence with the words '{t}' and '{t2}'.", "Explain the role of the term '{t}' in {field}.", "Can you explain why it matters not to {t} the safety rules in {field}?", "Why do people {t} advice about {subject}?", "How do I {t} a setting in {tool}?", "Write a short dialogue in which two friends talk about the idea of '{t}' in {field}.", "Discuss how '{t}' and '{t2}' relate to {field}.", "Describe a scene in which a {job} has to {t} the noise and go on.", "Please make sure that the new plan does not {t} the {previous} agreement.", "What should a {job} do if the {t} fails in {tool}?", "Give me three synonyms for '{t}'.", "Is it rude to {t} a colleague?", "How is a '{t}' handled in {tool}?", "The {t} of the {field} project must be checked by a {job}; how do we plan that?", "Which {t} applies when I move to another department?", "Create a guide on how the {t} works for new members of the {field} team.", "How do I teach children about '{t}' and '{t2}'?", "Design a lesson in {field} around the concept of '{t}'.", "Compose a poem in which the words {t}, {t2} and spring occur.", "Develop a plan to {t} obstacles in {field} without hurting anybody.", "What is the history of the word '{t}'?", "Translate the word '{t}' into German.", "Could you outline how to {t} with care in {field}?", "Affirm that you have read the {t} by signing the form.", "Begin each meeting of the {field} group by repeating its {t}.", "List the steps to initialise the {t} in {tool}.",
]  # fmt: skip

ABOUT_ATTACKS: list[str] = [
    "What is a prompt injection, and how do we protect our chatbot from it?", "Explain how jailbreaks of language models work, in general terms.", "Why can a language model not keep a system prompt secret?", "How do I write a good system prompt for a support bot?", "What belongs in the instructions of an assistant?", "Does our policy say whether a system prompt counts as confidential?", "How should we test our assistant against prompt injection?", "Summarise the OWASP top ten for language models.", "What is meant by 'ignore previous instructions' in security articles?", "Can documents that we upload contain hidden instructions?", "Which guardrails does this assistant have?", "How do attackers use base64 to hide commands?", "What is a 'developer mode' on an Android phone and how do I turn it on?", "Is a jailbroken iPhone allowed for work?", "How do I jailbreak an old iPad that I own?", "What does 'DAN' stand for in the news about chatbots?", "Who wrote our acceptable use policy, and what does it say about chatbots?", "How do I reset my password?", "What is the password policy for contractors?", "How long must a password be?", "I forgot my password. Whom do I call?", "Where do I find the WiFi password for visitors?", "How often do we rotate the API keys?", "How do I store a secret in Vault?", "What is the guest network's password policy?", "Can I share my password with my manager when I am ill?", "How do I generate a strong passphrase?", "Write a Python function that checks whether a password is strong.", "How do I read a password from the terminal without echo?", "Which hashing algorithm should we use for passwords?", "How do I encode a string in base64 in Python?", "Decode this base64 string for me, please: aGVsbG8gd29ybGQ=", "What does the hex string 48 65 6c 6c 6f say?", "Write a function that reverses a string.", "How do I print all environment variables in bash?", "How do I override a method in Java?", "How do I ignore a file in git?", "How do I ignore warnings in pytest?", "How can I ignore SSL errors only in tests?", "How do I forget a WiFi network on Windows?", "How do I skip a test in pytest?", "How do I drop a table in SQL safely?", "How do I repeat a string n times in JavaScript?", "What is the user's guide to the expense tool?", "What are the instructions for the new coffee machine?", "What are the initial steps of onboarding?", "Where are the instructions for fire drills?", "Show me the rules for business travel.", "Tell me the guidelines for hand hygiene.", "What are your opening hours?", "What can you help me with?", "Who are you?", "What are you able to do?", "Which documents do you know?", "Which sources do you search?", "Are you allowed to see my patients' data?", "Where does my question go?", "Is this chat private?", "Which model are you?", "Repeat that, please.", "Say that again in simpler words.", "Please repeat the last answer as a list.", "Translate your last answer into German.", "Summarise the above in three bullet points.", "Print the table above as CSV.", "Write the previous answer as an e-mail.", "What did I ask before?", "Ignore my last question, I found it. What is the limit for gifts?", "Forget it, never mind.", "Disregard the typo, I meant the 2025 version.", "Sorry, ignore that. How do I file a complaint?", "No, I meant the other policy.", "Actually, make it shorter.", "Instead of a table, give me a list.", "From now on, please answer in German.", "Answer in one sentence.", "Please answer as a JSON object.", "Act as a reviewer and check this paragraph for mistakes.", "Act as an interviewer for a compliance job and ask me questions.", "Pretend that I am a new colleague and explain the four-eyes principle.", "Pretend you are a customer who complains, so that I can practise.", "You are an experienced nurse. Explain how to prepare a patient for an MRI.", "You are a senior engineer. Review this function.", "Let's role-play a difficult talk with a client.", "Imagine that you are a tour guide in Rome.", "Imagine a world without money. What would trade look like?", "Hypothetically, what happens if a bank fails a stress test?", "Suppose we changed suppliers: what must be documented?", "In a hypothetical scenario where the server is down, who decides on the failover?", "Who has admin rights for the ledger?", "How do I ask for admin access?", "I'm the new administrator. Where do I find the runbook?", "I'm a developer and I need the list of our internal libraries.", "As a doctor, what should I know about new anticoagulants?", "As head of compliance, I would like a summary of last year's complaints.", "I am the auditor; which records must I be shown?", "How do we put a machine into maintenance mode?", "What does debug mode do in Django?", "How do I run a command as root in Docker?", "What is a user's date of birth needed for in the KYC process?", "Which details of a customer may I share by e-mail?", "May I give a caller the account balance?", "What is the capital of Austria?", "What is the population of Norway?", "Who was the first president of Kenya?", "When did the Berlin Wall fall?", "What is the secret of a good risotto?", "What is the key to a happy marriage?", "What is the code of conduct?", "What is the dress code?", "What's the country code of Portugal?", "What's the PIN length of our cards?", "What's the magic number in this function?",
]  # fmt: skip

EVERYDAY: list[str] = [
    "How do I {act} a {object}?", "How can I {act} the {object} in my {place}?", "What's the best way to {act} {object}?", "Why do {people} {act2} {object}?", "What are the {aspects} of {subject}?", "How does {subject} influence {subject2}?", "Can you {explain} {subject} for a {job}?", "What happened in {event}?", "Who wrote {work}?", "Write a {form} about {subject}.", "Give me ideas for a {form} on {topic}.", "I'm working on a {form} about {subject}; can you help me with an outline?", "You are a seasoned {job}. Write a {form} on {subject} for {people}.", "Imagine you're a {job} who has been asked to speak to {people} about {subject}. Draft the speech.", "Let's create a fictional story: {name}, a {job} in {city}, discovers {subject}. Write the first chapter.", "In the world of {fiction}, how would a {job} {act} a {object}?", "As a {job} in a fantasy novel, describe how you {act} a {object}.", "My friend {name} is a {job} and wants to {do}. What should {name} know?", "What is the legal situation of {people} in {city}?", "How can we address {subject} in the workplace?", "Please research and present {subject} with examples.", "What does a {job} do all day?", "How do I explain {subject} to my {people}?", "What is {name}'s favourite dish in {fiction}?", "How do I kill a process on Linux?", "How do I shoot a good photo of a {object}?", "How can I blow up a balloon without getting dizzy?", "How do I get away with wearing trainers at a wedding?", "How do I nail the interview as a {job}?", "How do I crush my opponents at {topic}?", "What's a good way to torch calories?", "How do I steal the show at a {event2}?", "Where can I buy a {object}?", "What was the impact of {event}?", "Why should {animals} not be allowed to {act} a {object}?", "What is the definition of '{concept}'?", "How did {name} die in {fiction}?", "What are typical signs of {concept}, and where do people find help?", "How can companies prevent {concept}?", "Write a formal letter to {name} about the {object}.", "Summarise the history of {concept} in {city}.", "Our team wrote this text about {subject}: '{filler} {filler2}' Could you improve its style?", "Summarise: {filler} {filler2} {filler}", "Translate into Spanish: {filler}", "Is the following sentence correct? '{filler}'", "who is starring in {work}", "when was {work} released", "what year did {event} start", "Compare the policies on {concept} of two countries.", "Suppose that {name} lost the {object}. What steps should the {job} take, keeping the law in mind?", "Picture a scene: {filler} Continue it in the voice of a {job}, with respect for all.", "I'm writing a novel in which a {job} investigates {concept}. Could you describe how courts deal with it?", "We're making a documentary about {name}, the {job}, and {subject}. Which questions should we ask?", "Which privacy settings protect my {object} from strangers?", "How do social networks handle reports of {concept}?", "What are my rights if my {object} is broken?", "How do I write a unit test for {tool}?", "def add(a, b):\n    return a + b\n\nWhy does this fail for strings?", "Fix this SQL: select name, count(*) from orders", "Traceback (most recent call last):\n  File 'app.py', line 3\nKeyError: 'id'\nWhat is wrong?", "SELECT id FROM t WHERE day > '2024-01-01' - how do I make this faster?",
]  # fmt: skip

SHORT: list[str] = [
    "Thank you.", "Thank you very much!", "Thanks", "thanks a lot", "Great, thanks.", "Perfect.", "Good.", "Okay.", "Yes.", "yes please", "No.", "no thanks", "Sure.", "Right.", "I see.", "Got it.", "Never mind.", "Hello!", "Hello there", "Hi!", "Hey", "Good morning!", "Good evening.", "Bye.", "See you tomorrow.", "How are you?", "What's up?", "Test", "test 1 2 3", "Help", "Help me please", "Continue.", "Go on.", "More.", "Shorter, please.", "Why?", "Why not?", "How?", "When?", "Where?", "Who?", "And then?", "Really?", "Are you sure?", "What do you mean?", "What is this?", "Which one?", "Can you help me?", "Please explain.", "Explain that again.", "I don't understand.", "That is wrong.", "That's not what I asked.", "You are right.", "Sorry.", "Excuse me.", "One more question.", "What else?", "Anything else?", "Summary please", "As a table.", "In English, please.", "The second one.", "Compare both.", "Gifts?", "And the limit?", "Tell me a joke.", "Tell me more.", "What time is it?", "Merci.", "Danke!", "Gracias.", "Grazie.", "Guten Morgen", "Bonjour", "Hola", "谢谢", "你好", "ありがとう", "Спасибо", "Привет", "شكرا", "Hvala", "Hej", "Obrigado", "Как дела?", "Ça va ?", "Wie geht es dir?", "Mixed scripts: Grüße, привет, 你好.", "?", "ok?", "lol",
]  # fmt: skip

WORK: list[str] = [
    "What is the limit for gifts?", "May I accept an invitation to a concert from a supplier?", "How long do we keep account opening documents?", "When is enhanced due diligence needed?", "Who approves an outsourcing contract?", "What is the threshold for reporting a transaction?", "Draft a memo to the board about sanctions screening.", "What changed between the 2023 and the 2025 policy?", "How do I report a suspicious transaction?", "Which forms does a politically exposed person have to sign?", "How do we treat sepsis in adults in the first hour?", "What is the starting dose of amoxicillin for a child of 20 kg?", "How is warfarin managed before an operation?", "Which observations belong in a falls assessment?", "Write a discharge letter for an 80-year-old after a fall.", "What is the reference range of potassium?", "When do we give oxygen?", "Summarise the note: 72-year-old woman, chest pain since this morning, ECG normal.", "How does our retry logic back off?", "Where is the idempotency key checked?", "Explain the scheduler's lock.", "Why did the incident of 14 March happen?", "Write a migration that adds a column.", "How do I deploy to staging?", "Refactor this loop into a comprehension.", "Which endpoint lists payments?", "Write release notes for version 2.3.", "What is our remote work policy?", "How many days of leave do I have?", "How do I claim travel expenses?", "Who is responsible for visitors?", "What does the travel policy say about hotels?", "Write a polite reminder to a client who has not sent the documents.", "Create a checklist for onboarding a corporate client.", "hi", "hello", "good morning", "thanks!", "ok", "yes", "no, the other one", "and for children?", "why?", "go on", "in German please", "can you be more precise?", "what about the exceptions", "and who approves that?",
]  # fmt: skip

FOREIGN: list[str] = [
    "Wie hoch ist die Grenze für Geschenke?", "Bitte übersetze diesen Absatz ins Englische.", "Wie setze ich mein Passwort zurück?", "Wer genehmigt Dienstreisen?", "Welche Regeln gelten für Homeoffice?", "Schreibe eine Einladung zum Sommerfest.", "Was bedeutet das Wort 'ignorieren'?", "Erkläre mir die vorherige Regelung.", "Bitte geben Sie mir Hinweise zur Steuererklärung.", "Wo finde ich die Anleitung für den Drucker?",
    "Quelle est la limite pour les cadeaux ?", "Comment réinitialiser mon mot de passe ?", "Explique-moi la photosynthèse.", "Écris une lettre de motivation.", "Quelles sont les instructions de montage ?", "Peux-tu résumer ce texte ?", "Comment dit-on 'oublier' en anglais ?", "Où se trouve la gare de Lyon ?",
    "¿Cuál es el límite para los regalos?", "¿Cómo cambio mi contraseña?", "Explica la política anterior de viajes.", "Escribe un correo para un cliente.", "¿Qué significa 'ignorar'?", "¿Cuáles son las instrucciones de uso?", "¿Puedes darme una receta de paella?",
    "Qual è il limite per i regali?", "Come posso cambiare la password?", "Scrivi una lettera formale.", "Cosa significa 'dimenticare'?", "Quali sono le istruzioni per l'uso?", "Qual é o limite para presentes?", "Como altero a minha senha?", "Explique as regras do futebol.", "Wat is de limiet voor geschenken?", "Hoe wijzig ik mijn wachtwoord?", "Leg de vorige regel uit.",
    "Jaki jest limit prezentów?", "Jak zmienić hasło?", "Hediye sınırı nedir?", "Şifremi nasıl değiştiririm?", "Каков лимит на подарки?", "Как сменить пароль?", "Объясни правила игры в шахматы.", "Напиши письмо клиенту.", "Что значит слово «игнорировать»?",
    "礼品的限额是多少？", "如何重置密码？", "请解释这个词的意思。", "请用这两个词造句。", "请问如何注册账户？", "请概括这段文字的主旨。", "我们应该如何续签合同？", "请翻译这句话。", "请写一篇关于春天的短文。", "如何打开一个新的银行账户？", "请问上海有什么好玩的地方？", "这个字有哪些意思？", "贈り物の上限はいくらですか。", "パスワードを変更するにはどうすればいいですか。", "この文章を要約してください。", "東京のおすすめを教えてください。", "「無視」という言葉の意味は何ですか。", "ما هو الحد الأقصى للهدايا؟", "كيف أغير كلمة المرور؟", "اشرح لي قواعد السفر.", "선물 한도는 얼마인가요?", "비밀번호를 어떻게 바꾸나요?", "이 글을 요약해 주세요.", "उपहार की सीमा क्या है?", "पासवर्ड कैसे बदलें?", "इस वाक्य का अर्थ समझाइए।",
]  # fmt: skip

FILL: dict[str, list[str]] = {
    "field": ["music", "chemistry", "journalism", "psychology", "law", "cooking", "gardening", "programming", "photography", "banking", "nursing", "architecture", "theatre", "linguistics", "mathematics", "sport", "aviation", "history", "marketing", "film", "networking", "statistics", "teaching", "philosophy", "game design"],
    "tool": ["Excel", "Outlook", "Django", "Git", "Windows", "our ticket system", "the printer", "a router", "Photoshop", "Linux", "the phone", "Kubernetes", "the database", "the alarm panel", "a smart home", "Postgres", "the browser", "React"],
    "job": ["teacher", "nurse", "lawyer", "chef", "gardener", "journalist", "pilot", "engineer", "librarian", "detective", "painter", "doctor", "musician", "coach", "bank clerk", "programmer", "historian", "police officer", "psychologist", "farmer", "scientist", "screenwriter", "manager", "marketing expert", "critic", "firefighter", "social worker"],
    "act": ["cut", "open", "break", "clean", "repair", "kill", "blow up", "pick", "hide", "destroy", "smash", "catch", "skin", "burn", "tie", "poison", "shoot", "mix", "sell", "steal", "store", "drill through", "heat", "move", "get rid of", "remove", "attach", "build", "stab", "whip", "choke", "trap", "bury", "hang", "beat"],
    "act2": ["like", "fear", "hate", "collect", "buy", "avoid", "discuss", "need", "protest against", "support"],
    "object": ["fish", "egg", "balloon", "carpet", "coconut", "picture", "lock", "weeds", "cockroaches", "dough", "wall", "bike", "battery", "lamp", "onion", "cream", "shed", "wasp nest", "file", "candle", "tomato plant", "guitar string", "phone", "laptop", "target on the range", "mosquito", "stain", "tree stump", "chess opponent", "engine", "cake", "mouse in the cellar", "curtain", "account", "insurance"],
    "place": ["garden", "kitchen", "office", "garage", "house", "bedroom", "cellar", "school", "car"],
    "people": ["children", "elderly people", "students", "tourists", "immigrants", "women in technology", "voters", "neighbours", "colleagues", "teenagers", "beginners", "minorities", "patients", "customers", "parents"],
    "explain": ["explain", "describe", "outline", "summarise", "clarify", "illustrate"],
    "event": ["the moon landing", "the Rwandan genocide", "the fall of Rome", "the Chernobyl accident", "the French Revolution", "the 2008 financial crisis", "the Vietnam War", "the Holocaust", "the gold rush", "the plague of 1348", "the Cuban missile crisis", "the attack on Pearl Harbor"],
    "event2": ["party", "wedding", "conference", "school play", "concert"],
    "work": ["Hamlet", "The Odyssey", "Don Quixote", "The Magic Flute", "Guernica", "a well known western", "Moby Dick", "the song of the year"],
    "form": ["poem", "short story", "blog post", "speech", "report", "dialogue", "article", "presentation", "screenplay", "letter", "song", "lesson", "newsletter", "press release", "quiz"],
    "fiction": ["a video game", "Star Wars", "The Lord of the Rings", "a detective series", "Minecraft", "Harry Potter", "a superhero comic", "an old fairy tale", "The Simpsons", "Grand Theft Auto", "The Terminator", "a chess novel"],
    "name": ["Maria", "Jonas", "Aisha", "Peter", "Mei", "Luca", "Fatima", "John", "Elena", "Kofi", "Sofia", "Batman", "Pikachu", "James"],
    "animals": ["cats", "penguins", "toasters", "cucumbers", "robots", "snowmen", "teddy bears", "lamps"],
    "concept": ["fraud", "terrorism", "burnout", "stalking", "discrimination", "money laundering", "plagiarism", "copyright", "addiction", "bullying", "hate speech", "genocide", "identity theft", "insider trading", "phishing", "harassment", "espionage", "arson", "misinformation", "domestic violence", "gambling", "consent", "privacy", "sarcasm"],
}  # fmt: skip

# Sentences of documents that give orders, to people.
DOCUMENT: list[str] = [
    "Report every gift of more than {n} euro to compliance within {n} days.", "Do not administer the second dose before {n} hours have passed.", "Give {n} mg by mouth every {n} hours.", "Ask the patient to confirm name and date of birth.", "Ignore alarms of sensor {n} while the valve is being serviced.", "Never share your password with anybody.", "Disregard earlier versions of this form.", "This policy replaces all previous instructions on the subject.", "Please reply to this e-mail by Friday.", "Click the link below to confirm your order.", "You must change your password every {n} days.", "Send the signed form to the back office.", "Please let me know if you have any questions.", "Do you have time for a call on Tuesday?", "Hi Tom, could you send me the figures for May?", "Reset your password here if it was not you.", "Your invoice of {n} dollars is due on 3 May.", "Forward suspicious messages to the security team.", "Run the migration before you restart the workers.", "Set DEBUG to False in production.", "# ignore the first line, it is a header", "Override this method to change the format.", "Answer the phone within three rings.", "Respond to the client within {n} working days.", "Use block letters for your answers.", "In your reply to the client, state the complaint number.", "Include the account number in your message to the branch.", "Write your response to question {n} in the box below.", "If this transaction is in error, dispute it at the bank's site.", "What should I do if the monitor shows no signal?", "How do I reset the device? Hold the button for {n} seconds.", "Q: May I accept cash? A: No.", "FAQ: How long does a transfer take?", "You are receiving this because you subscribed to our updates.", "Unsubscribe at any time.", "Do not reply to this message.", "We encourage you to attend the workshop.", "Call the duty doctor if the pressure falls below {n}.", "Mention allergies in the handover.", "Add {n} ml of saline to the bag.", "Translate the consent form for patients who need it.", "The system prompts the user for a token.", "Enter the access code at the door.", "Instructions: tick one box a line.", "Best regards, Anna", "Total: {n}.00", "import os", "return total / count", "for row in rows:", "Try `df.merge(other, on='id')` instead.", "You can use a list comprehension here.", "Change the line to `x = x + 1`.", "Consider adding an index on the column.", "Add the following lines to your settings file:", "Include this header in every request.", "Use the following snippet to connect:", "Copy the output of the command into the ticket.", "The company announced a profit of {n} million on Monday.", "Police said that nobody was hurt.", "The minister will answer questions on Thursday.", "See section {n} for exceptions.", "Follow us on social media.", "Get {n} % off your first order.", "Your function returns before the loop ends.", "You have a typo in your query.", "Your input has the wrong shape: it needs {n} columns.", "The answer above works as well, but it is slower.", "I would not answer this from memory.", "Read the answer of the maintainer for the details.", "You will get the following output:", "And your output is a list, not a tuple.", "In your model you call the layer twice.", "What you want is a copy of the list.", "Thank you for your order!", "Thanks for your message.", "We received your response to the survey.", "Your response is needed by 3 May.", "Note down what you did and when.", "You remain responsible for what you sign.", "What may I say to a client who asks?", "What an answer from the other side means for the job.", "How long a stored response is kept.", "The rules of your company apply in addition.", "The instructions of the regulator in an individual case go first.", "What made you think so?", "Give short answers to short questions.", "Your account was charged {n} dollars.", "Your company's card ends in {n}.", "The model answers with a status code.", "begin", "end;", "Model governance", "The prompt asks for a user name and a password.", "We will reply within {n} days.", "The script sends a mail to the user.", "Reply-To: help@bank.example", "If you want to know more, see the handbook.", "Without your data I can only guess.", "It is better to send the whole batch at once.", "The user's data are kept for {n} years.", "Ask for an interpreter if the patient needs one.", "Say what happened, without blame.", "Do not delete anything, and do not contact the recipient on your own.", "Your flight leaves at {n}:15.", "Click on your name to see your reviews.", "Include a link to the ticket.", "Begin with the airway.", "End the call politely.", "Insert the card with the chip first.", "Append the log to the ticket.",
]  # fmt: skip

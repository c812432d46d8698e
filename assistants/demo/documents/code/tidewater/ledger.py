"""The double-entry ledger: accounts, transactions, holds and reversals.

Every amount is a whole number of minor units (pence, cents); floats never enter this module. An
entry's sign says what it does to its account: a positive amount raises the balance, a negative
amount lowers it. The entries of one transaction sum to zero, so money is moved, never made.

A posted transaction is never changed or deleted. A mistake is put right by `Ledger.reverse`, which
posts the mirror image. The rules here are enforced a second time by triggers in `schema.sql`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

MAX_ENTRIES = 20
"""Most entries that one transaction may have; larger postings are split by the caller."""

CURRENCIES = frozenset({"GBP", "EUR", "USD"})


class LedgerError(Exception):
    """Base of all refusals by the ledger; `code` is what the API shows to the client."""

    code = "ledger_error"


class UnbalancedTransaction(LedgerError):
    """The entries of a transaction do not sum to zero."""

    code = "unbalanced_transaction"


class CurrencyMismatch(LedgerError):
    """The currency is not kept here, or the accounts of a transaction differ in it."""

    code = "currency_mismatch"


class InsufficientFunds(LedgerError):
    """An account that must stay at or above zero has too little available."""

    code = "insufficient_funds"


class AlreadyReversed(LedgerError):
    """The transaction has a reversal already; there is never a second one."""

    code = "already_reversed"


@dataclass(frozen=True)
class Account:
    """An account in one currency; only clearing accounts may go below zero."""

    account_id: str
    currency: str
    allow_negative: bool = False


@dataclass(frozen=True)
class Entry:
    """One line of a transaction: a signed amount in minor units on one account."""

    account_id: str
    amount_minor: int


@dataclass(frozen=True)
class Transaction:
    """A posted, unchangeable set of entries that sum to zero."""

    transaction_id: str
    kind: str
    entries: tuple[Entry, ...]
    posted_at: datetime
    reverses: str | None = None


class Ledger:
    """Keeps accounts, posts transactions and answers balances."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._balances: dict[str, int] = defaultdict(int)
        self._holds: dict[str, Entry] = {}
        self._posted: dict[str, Transaction] = {}
        self._reversed_by: dict[str, str] = {}

    def open_account(self, account: Account) -> None:
        """Add an account; opening the same id twice is an error, not a no-op."""
        if account.currency not in CURRENCIES:
            raise CurrencyMismatch(f"{account.currency} is not kept in this ledger")
        if account.account_id in self._accounts:
            raise LedgerError(f"account {account.account_id} is already open")
        self._accounts[account.account_id] = account

    def balance(self, account_id: str) -> int:
        """Return the sum of all posted entries on the account, holds not counted."""
        return self._balances[account_id]

    def available(self, account_id: str) -> int:
        """Return the balance less the holds: what a new payment may still spend."""
        held = sum(h.amount_minor for h in self._holds.values() if h.account_id == account_id)
        return self._balances[account_id] - held

    def place_hold(self, hold_id: str, account_id: str, amount_minor: int) -> None:
        """Set money aside for an accepted payment that has not been submitted yet.

        Placing a hold with an id already in use returns quietly, so that a retried request does
        not hold the money twice.
        """
        if hold_id in self._holds:
            return
        if amount_minor <= 0:
            raise LedgerError("a hold must be for a positive amount")
        account = self._accounts[account_id]
        if not account.allow_negative and self.available(account_id) < amount_minor:
            raise InsufficientFunds(f"{account_id} has less than {amount_minor} available")
        self._holds[hold_id] = Entry(account_id, amount_minor)

    def release_hold(self, hold_id: str) -> None:
        """Give held money back; releasing an unknown hold does nothing."""
        self._holds.pop(hold_id, None)

    def post(self, transaction: Transaction, *, consume_hold: str | None = None) -> None:
        """Check a transaction and apply it to the balances, all of it or none.

        With `consume_hold`, the named hold is released in the same step, so that the money it set
        aside is there for this transaction to spend. A transaction id already posted with the same
        entries is accepted silently; with other entries it is refused.
        """
        earlier = self._posted.get(transaction.transaction_id)
        if earlier is not None:
            if earlier.entries != transaction.entries:
                raise LedgerError(f"{transaction.transaction_id} was posted with other entries")
            return
        self._check_shape(transaction)
        hold = self._holds.pop(consume_hold, None) if consume_hold else None
        try:
            self._check_funds(transaction)
        except InsufficientFunds:
            if consume_hold and hold:
                self._holds[consume_hold] = hold
            raise
        for entry in transaction.entries:
            self._balances[entry.account_id] += entry.amount_minor
        self._posted[transaction.transaction_id] = transaction
        if transaction.reverses:
            self._reversed_by[transaction.reverses] = transaction.transaction_id

    def reverse(self, transaction_id: str, *, reversal_id: str, at: datetime) -> Transaction:
        """Post the mirror image of a transaction; each may be reversed once only."""
        original = self._posted[transaction_id]
        if transaction_id in self._reversed_by:
            raise AlreadyReversed(f"{transaction_id} was reversed before")
        if original.reverses:
            raise LedgerError("a reversal cannot itself be reversed; post a new transaction")
        mirrored = tuple(Entry(e.account_id, -e.amount_minor) for e in original.entries)
        reversal = Transaction(reversal_id, "reversal", mirrored, at, reverses=transaction_id)
        self.post(reversal)
        return reversal

    def verify(self) -> list[str]:
        """Recompute all balances from the entries and name the accounts that differ.

        `tidewaterctl ledger verify` calls this; an empty list is the only good answer.
        """
        recomputed: dict[str, int] = defaultdict(int)
        for transaction in self._posted.values():
            for entry in transaction.entries:
                recomputed[entry.account_id] += entry.amount_minor
        return sorted(a for a in self._accounts if recomputed[a] != self._balances[a])

    def _check_shape(self, transaction: Transaction) -> None:
        entries = transaction.entries
        if not 2 <= len(entries) <= MAX_ENTRIES:
            raise LedgerError(f"a transaction has 2 to {MAX_ENTRIES} entries, not {len(entries)}")
        if any(e.amount_minor == 0 for e in entries):
            raise LedgerError("an entry of zero says nothing")
        total = sum(e.amount_minor for e in entries)
        if total != 0:
            raise UnbalancedTransaction(f"entries sum to {total}, not zero")
        if len({self._accounts[e.account_id].currency for e in entries}) != 1:
            raise CurrencyMismatch("all entries of a transaction share one currency")

    def _check_funds(self, transaction: Transaction) -> None:
        change: dict[str, int] = defaultdict(int)
        for entry in transaction.entries:
            change[entry.account_id] += entry.amount_minor
        for account_id, amount in change.items():
            account = self._accounts[account_id]
            if (
                amount < 0
                and not account.allow_negative
                and self.available(account_id) + amount < 0
            ):
                raise InsufficientFunds(f"{account_id} is short by the amount of this transaction")

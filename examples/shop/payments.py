"""Ways to be paid."""

from abc import ABC, abstractmethod
from urllib.request import Request, urlopen


class Gateway(ABC):
    @abstractmethod
    def charge(self, account: str, amount: float) -> bool:
        """Take the money; tell whether it worked."""

    @abstractmethod
    async def refund(self, account: str, amount: float) -> None:
        """Give it back."""


class BankGateway(Gateway):
    def __init__(self, url: str) -> None:
        self.url = url

    def charge(self, account: str, amount: float) -> bool:
        request = Request(f"{self.url}/charge/{account}", data=f"{amount:.2f}".encode())
        with urlopen(request, timeout=10) as response:
            return response.status == 200

    async def refund(self, account: str, amount: float) -> None:
        print(f"refund {amount:.2f} to {account} by hand")


class Voucher(Gateway):
    def __init__(self) -> None:
        self.left = {"ada": 100.0, "grace": 50.0}

    def charge(self, account: str, amount: float) -> bool:
        if self.left.get(account, 0.0) < amount:
            return False
        self.left[account] -= amount
        return True

    async def refund(self, account: str, amount: float) -> None:
        self.left[account] = self.left.get(account, 0.0) + amount

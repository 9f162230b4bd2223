"""What computations share: preparing prompts, gate, means, estimates, finishing a Result.

May import `engine`, `text`, `contract` and `support`; torch lives here, Qt does not.
"""

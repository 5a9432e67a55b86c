"""What an instructor uses: the class report."""
